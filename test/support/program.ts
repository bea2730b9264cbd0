import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'

/** A process of a program under test, killed with the test. */
export interface Running {
  readonly child: ChildProcess
  /** Resolves with the first line on stderr, past ones included, that matches. */
  said(what: RegExp): Promise<string>
  /** The same on stdout. */
  printed(what: RegExp): Promise<string>
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

export interface ProgramOptions {
  readonly cwd?: string
  readonly environment?: NodeJS.ProcessEnv
}

/** What the test runner puts into the environment would be loaded by every Node under it. */
export const plainEnvironment: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: process.env.HOME }

/**
 * The test's folder. Removed when all that was given to `t.teardown` has ended; `t.testdir()` alone, called before the first
 * teardown, is removed before it.
 */
export function testFolder(t: Pick<Test, 'teardown' | 'testdir'>): string {
  t.teardown(() => {})
  return t.testdir()
}

/** Kills a process when the test ends and waits until it is gone: what it still wrote would be in the way of removing the test's folder. */
export function killWithTest(t: Pick<Test, 'teardown'>, child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve())
  })
  t.teardown(() => {
    child.kill(signal)
    return gone
  })
}

/** Starts a program; the test awaits what it says or its end. */
export function startProgram(t: Test, command: readonly string[], options: ProgramOptions = {}): Running {
  const [program = '', ...args] = command
  const env = { ...plainEnvironment, ...options.environment }
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
  killWithTest(t, child)
  const [out, words] = [linesOf(child.stdout), linesOf(child.stderr)]
  let stdout = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr: words.lines.join('\n') }))
  })
  const until = (of: Lines, what: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      of.find(what, resolve)
      ended.then(({ code }) =>
        reject(new Error(`it ended with ${code} before ${what}:\n${words.lines.join('\n')}\n${stdout}`)),
      )
    })
  return { child, ended, said: (what) => until(words, what), printed: (what) => until(out, what) }
}

interface Lines {
  readonly lines: readonly string[]
  /** Calls with the first line, past or future, that matches. */
  find(what: RegExp, found: (line: string) => void): void
}

function linesOf(input: Readable): Lines {
  const lines: string[] = []
  const waiting: { what: RegExp; found: (line: string) => void }[] = []
  createInterface({ input }).on('line', (line) => {
    lines.push(line)
    for (const { what, found } of waiting) if (what.test(line)) found(line)
  })
  return {
    lines,
    find(what, found) {
      const past = lines.find((line) => what.test(line))
      if (past !== undefined) found(past)
      else waiting.push({ what, found })
    },
  }
}

/** Runs a program to its end. */
export function runProgram(
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program = '', ...args] = command
  return new Promise((resolve) => {
    const env = { ...plainEnvironment, ...options.environment }
    const settings = { env, maxBuffer: 1 << 26, ...(options.cwd !== undefined && { cwd: options.cwd }) }
    execFile(program, args, settings, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}
