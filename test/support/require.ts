import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/**
 * Whether a program is on PATH. Where it is not, the test says so as skipped, or fails if the environment variable
 * TRUSTMIX_REQUIRE (a list such as `sumo,docker`) names it: `if (!requireTool(t, 'sumo')) return`.
 */
export function requireTool(t: Test, tool: string): boolean {
  if (isOnPath(tool)) return true
  absent(t, tool, 'is not on PATH')
  return false
}

/**
 * The Python (TRUSTMIX_PYTHON, else `python3`) that can import these modules; where there is none, the test is skipped, or
 * fails if TRUSTMIX_REQUIRE names the first of them, and undefined is returned.
 */
export async function requirePython(t: Test, modules: readonly string[]): Promise<string | undefined> {
  const python = process.env.TRUSTMIX_PYTHON ?? 'python3'
  const imports = await new Promise((resolve) => {
    execFile(python, ['-c', `import ${modules.join(', ')}`], (error) => resolve(error === null))
  })
  if (imports) return python
  absent(t, modules[0] ?? 'python3', `cannot be imported by ${python}, which must have ${modules.join(', ')}`)
  return undefined
}

/**
 * Whether a package of npm can be found from the file `from`; where it cannot, the test is skipped, or fails if
 * TRUSTMIX_REQUIRE names `short`.
 */
export function requirePackage(t: Test, name: string, from: string, short: string): boolean {
  try {
    createRequire(from).resolve(name)
    return true
  } catch {
    absent(t, short, `is not installed where ${from} is`)
    return false
  }
}

function absent(t: Test, name: string, how: string): void {
  const required = (process.env.TRUSTMIX_REQUIRE ?? '').split(',').map((entry) => entry.trim())
  if (required.includes(name)) t.fail(`TRUSTMIX_REQUIRE names ${name}, but it ${how}`)
  else t.plan(0, `${name} ${how}`)
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
