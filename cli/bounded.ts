import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ExitError, type ExitName, exitCodes } from '../schemas/exit.ts'
import { boundedThread } from './bounded-heap.ts'
import type { CommandIo } from './command.ts'

/** What the thread is told at its start. */
export interface BoundedStart {
  readonly command: string
  readonly args: readonly string[]
  readonly software: string
}

/** What the thread says; `end` comes last, with words where an expected failure ended it. */
export type FromBounded =
  | { readonly kind: 'print' | 'output'; readonly text: string }
  | { readonly kind: 'tell'; readonly message: unknown }
  | Ended

interface Ended {
  readonly kind: 'end'
  readonly code: number
  readonly words: string | null
}

/** What the thread hears: `stop` at first, `interrupt` at each further request. */
export type ToBounded = 'stop' | 'interrupt'

/**
 * Runs a command in a thread with a small heap, for a process that was started without one; signals and output stay with
 * the main thread.
 */
export async function runBounded(command: string, args: readonly string[], io: CommandIo): Promise<number> {
  const workerData: BoundedStart = { command, args, software: io.software }
  const thread = new Worker(new URL('./bounded-thread.js', import.meta.url), {
    workerData,
    resourceLimits: boundedThread,
  })
  let end: Ended | undefined
  thread.on('message', (message: FromBounded) => {
    if (message.kind === 'print') io.print(message.text)
    else if (message.kind === 'output') io.output(message.text)
    else if (message.kind === 'tell') io.tell(message.message)
    else if (message.kind === 'end') end = message
  })
  const say = (word: ToBounded): void => thread.postMessage(word)
  io.stopped.then(() => say('stop'))
  io.interrupts(() => say('interrupt'))
  // Rejects with what the thread did not catch.
  await once(thread, 'exit')
  if (end === undefined) throw new Error(`${command} must say how it ended, but its thread was gone`)
  if (end.words !== null) throw new ExitError(nameOf(end.code), end.words)
  return end.code
}

function nameOf(code: number): ExitName {
  for (const name of Object.keys(exitCodes) as ExitName[]) if (exitCodes[name] === code) return name
  return 'internal'
}
