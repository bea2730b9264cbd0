import { execFile } from 'node:child_process'
import { ExitError } from '../schemas/exit.ts'

export interface ToolOptions {
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
  /** Variables of this process that the program does not get. */
  readonly without?: readonly string[]
  /** What it reads from stdin. */
  readonly input?: string
  /** Debian package that has the program. */
  readonly from: string
}

/** Runs a program; its stdout. ExitError 3 where it is not installed, Error with its words where it fails. */
export function runTool(program: string, args: readonly string[], options: ToolOptions): Promise<string> {
  const { cwd, environment, without = [], input, from } = options
  return new Promise((resolve, reject) => {
    const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C.UTF-8', ...environment }
    for (const name of without) delete env[name]
    const child = execFile(program, args, { cwd, env, maxBuffer: 64 * 1_048_576 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      if (error.code === 'ENOENT')
        return reject(new ExitError('unreachable', `${program} must be installed; try: apt-get install ${from}`))
      reject(new Error(`${program} ended with ${error.code}: ${stderr.trim() || stdout.trim()}`))
    })
    if (input !== undefined) child.stdin?.end(input)
  })
}
