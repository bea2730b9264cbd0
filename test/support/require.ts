import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/**
 * Whether a program is on PATH. Where it is not, the test says so as skipped, or fails if the environment variable
 * TRUSTMIX_REQUIRE (a list such as `sumo,docker`) names it: `if (!requireTool(t, 'sumo')) return`.
 */
export function requireTool(t: Test, tool: string): boolean {
  if (isOnPath(tool)) return true
  const required = (process.env.TRUSTMIX_REQUIRE ?? '').split(',').map((name) => name.trim())
  if (required.includes(tool)) t.fail(`TRUSTMIX_REQUIRE names ${tool}, but it is not on PATH`)
  else t.plan(0, `${tool} is not on PATH`)
  return false
}

function isOnPath(tool: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
