import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it; throws the system's error where one cannot be made. One by one: in a file system that
 * holds no new directories, such as /proc, Node's `recursive` tries forever.
 */
export function makeDirectory(path: string, mode = 0o777): void {
  if (existsSync(path)) return
  if (dirname(path) !== path) makeDirectory(dirname(path), mode)
  try {
    mkdirSync(path, mode)
  } catch (error) {
    // Another process was faster.
    if (!existsSync(path)) throw error
  }
}
