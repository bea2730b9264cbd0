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
 * A module of npm that is no dependency of ours, from node_modules or a folder in NODE_PATH; where there is none, the test is
 * skipped, or fails if TRUSTMIX_REQUIRE names it (without its scope), and undefined is returned.
 */
export function requireModule(t: Test, name: string): unknown {
  try {
    return createRequire(import.meta.url)(name)
  } catch (error) {
    absent(t, name.split('/').at(-1) ?? name, `cannot be loaded: ${(error as Error).message.split('\n')[0]}`)
    return undefined
  }
}

/**
 * The Node of an arm64 processor that TRUSTMIX_ARM64_NODE names, made by `.ci/arm64-node`; without it the test is skipped,
 * or fails if TRUSTMIX_REQUIRE names `arm64`, and undefined is returned.
 */
export function requireArm64Node(t: Test): string | undefined {
  const node = process.env.TRUSTMIX_ARM64_NODE
  if (!node) absent(t, 'arm64', 'is not given: TRUSTMIX_ARM64_NODE must name a Node for arm64 (see .ci/arm64-node)')
  return node || undefined
}

/** Whether this process may change roots and owners; else the test is skipped, or fails if TRUSTMIX_REQUIRE names `root`. */
export function requireRoot(t: Test): boolean {
  if (process.getuid?.() === 0) return true
  absent(t, 'root', 'is not who runs this test')
  return false
}

/** Skips a test for want of `name`, or fails it if TRUSTMIX_REQUIRE names that. */
export function absent(t: Test, name: string, how: string): void {
  if (isRequired(name)) t.fail(`TRUSTMIX_REQUIRE names ${name}, but it ${how}`)
  else t.plan(0, `${name} ${how}`)
}

/** Whether TRUSTMIX_REQUIRE names something. */
export function isRequired(name: string): boolean {
  return (process.env.TRUSTMIX_REQUIRE ?? '').split(',').some((entry) => entry.trim() === name)
}

export function isOnPath(tool: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
