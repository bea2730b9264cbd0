import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Absent } from '../absent.ts'
import type { TaskName } from './contender.ts'
import type { Answer, Ready, Request } from './protocol.ts'

/** A contender in a process of its own, which waits (and uses no processor) until it is asked. */
export interface PeerProcess extends Ready {
  readonly name: string
  /** From spawn to the first action, wall time. */
  readonly startMs: number
  /** Runs the work `calls` times; times per call. */
  time(task: TaskName, calls: number): Promise<Times>
  /** The numbers of the work's defined instance, and what they took. */
  result(task: TaskName): Promise<Times & { readonly values: readonly number[] }>
  /** Ends the process. */
  close(): Promise<void>
}

interface Times {
  readonly wallUs: number
  readonly cpuUs: number
}

/** Starts a contender; where it cannot be, the command that failed and the last line of what it said. */
export async function startPeer(
  name: string,
  command: string,
  parameters: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PeerProcess | Absent> {
  const start = performance.now()
  const child = spawn(command, parameters, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let words = ''
  child.stderr.on('data', (text) => {
    words = (words + text).slice(-4_000)
  })
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      words += error.message
      resolve()
    })
    child.on('close', () => resolve())
  })
  child.stdin.on('error', () => {}) // The end of the process says it.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next()
    if (!done) return JSON.parse(value)
    await ended
    throw new Error(reasonIn(words))
  }
  const ask = async (request: Request): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    return (await next()) as Answer
  }
  try {
    const ready = (await next()) as Ready
    return {
      ...ready,
      name,
      startMs: performance.now() - start,
      time: (task, calls) => ask({ task, calls }),
      async result(task) {
        const { values, ...times } = await ask({ task, result: true })
        if (values === undefined) throw new Error(`${name} must answer with values, got none`)
        return { values, ...times }
      },
      async close() {
        child.stdin.end()
        await ended
      },
    }
  } catch (error) {
    child.kill()
    await ended
    const reason = error instanceof Error ? error.message : String(error)
    return { name, command: [command, ...parameters].join(' '), reason }
  }
}

/** The line of an error's output that says most: the first that names an error, else the last. */
function reasonIn(words: string): string {
  const lines = words
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return (
    lines.findLast((line) => /error|cannot find/i.test(line) && !line.startsWith('at ')) ??
    lines.at(-1) ??
    'ended without a word'
  )
}
