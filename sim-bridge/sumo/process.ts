import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, delimiter, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { SumoError, SumoMissingError } from './errors.ts'

/** The program to call: the one named, else the one in SUMO_HOME/bin, else the one on PATH. */
export function findSumo(binary: string | undefined, gui: boolean): string {
  if (binary !== undefined) return binary
  const name = gui ? 'sumo-gui' : 'sumo'
  const home = process.env.SUMO_HOME
  if (home === undefined) return name
  const inHome = join(home, 'bin', name)
  return existsSync(inHome) ? inHome : name
}

/** Throws `SumoMissingError` where there is no such program, before any file is written or process started. */
export function requireProgram(program: string): void {
  const folders = basename(program) === program ? (process.env.PATH ?? '').split(delimiter) : ['']
  if (!folders.some((folder) => existsSync(join(folder, program)))) throw new SumoMissingError(program)
}

/** `netconvert` of the same installation as the given program, else the one on PATH. */
export function findNetconvert(binary: string): string {
  if (basename(binary) === binary) return 'netconvert'
  const beside = join(dirname(binary), 'netconvert')
  return existsSync(beside) ? beside : 'netconvert'
}

/** A port of the loopback interface that nobody uses at this moment. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** The last part of what SUMO wrote is kept, in characters. */
const STDERR_KEPT = 4096
/** ms for each kinder way to end before the next. */
const GRACE_MS = 1000

/** A running `sumo` that is our child and never outlives us. */
export class SumoProcess {
  readonly #child: ChildProcess
  readonly #ended = new AbortController()
  readonly #closed: Promise<void>
  #stderr = ''

  /** Resolves when the program runs; rejects with `SumoMissingError` where there is none. */
  static start(program: string, programArguments: readonly string[]): Promise<SumoProcess> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, programArguments, { stdio: ['ignore', 'ignore', 'pipe'] })
      const sumo = new SumoProcess(child)
      child.once('spawn', () => resolve(sumo))
      child.once('error', (error) => {
        const missing = 'code' in error && error.code === 'ENOENT'
        reject(missing ? new SumoMissingError(program) : new SumoError(`${program} must start, got "${error.message}"`))
      })
    })
  }

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT)
    })
    const killNow = (): void => {
      child.kill('SIGKILL')
    }
    process.once('exit', killNow)
    this.#closed = new Promise((resolve) => {
      child.once('close', () => {
        process.removeListener('exit', killNow)
        this.#ended.abort(new SumoError(this.ending('SUMO must start and wait for us')))
        resolve()
      })
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Aborts when the program has ended, with how it ended and what it said as the reason. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** The text of an error about the end of the program: the rule it broke, how it ended and what it said. */
  ending(rule: string): string {
    const { exitCode, signalCode } = this.#child
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`
    const words = this.#stderr.trim()
    return `${rule}, but it ended (${how})${words === '' ? '' : ` and said "${words}"`}`
  }

  /** Waits for the program to end by itself; false after the time given. */
  async waitForEnd(timeoutMs: number): Promise<boolean> {
    return Promise.race([this.#closed.then(() => true), pause(timeoutMs, false, { ref: false })])
  }

  /** Ends the program: asks, then SIGTERM, then SIGKILL. Resolves when it is gone. */
  async stop(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await this.waitForEnd(0)) return
      this.#child.kill(signal)
      if (await this.waitForEnd(GRACE_MS)) return
    }
    await this.#closed
  }
}
