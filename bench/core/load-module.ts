import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'

/**
 * A package that is no dependency: from this project's node_modules, or from a folder that TRUSTMIX_BENCH_MODULES names;
 * with `beside`, the copy that this other package uses. Throws what Node says where it is not found.
 */
export async function loadModule<T>(
  name: string,
  beside?: string,
): Promise<{ readonly module: T; readonly version: string }> {
  const { require, path } = beside === undefined ? find(name) : findBeside(name, beside)
  return { module: require(path) as T, version: versionOf(require, name) }
}

/** Where the package's own files are. */
export function folderOf(name: string): string {
  const { path } = find(name)
  const marker = join('node_modules', ...name.split('/'))
  return path.slice(0, path.lastIndexOf(marker) + marker.length)
}

function find(name: string): { readonly require: NodeJS.Require; readonly path: string } {
  const extra = process.env.TRUSTMIX_BENCH_MODULES?.split(delimiter) ?? []
  const folders = [import.meta.url, ...extra.map((folder) => join(folder, 'x.js'))]
  const requires = folders.map((from) => createRequire(from))
  for (const require of requires) {
    try {
      return { require, path: require.resolve(name) }
    } catch {
      // The next folder, or the error below.
    }
  }
  const require = requires.at(-1)!
  return { require, path: require.resolve(name) }
}

function findBeside(name: string, beside: string): { readonly require: NodeJS.Require; readonly path: string } {
  const require = createRequire(find(beside).path)
  return { require, path: require.resolve(name) }
}

function versionOf(require: NodeJS.Require, name: string): string {
  const path = require.resolve(name)
  const marker = join('node_modules', ...name.split('/'))
  const file = join(path.slice(0, path.lastIndexOf(marker) + marker.length), 'package.json')
  return String((JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version)
}
