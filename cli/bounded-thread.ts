import { parentPort, workerData } from 'node:worker_threads'
import { ExitError } from '../schemas/exit.ts'
import type { BoundedStart, FromBounded, ToBounded } from './bounded.ts'
import { commands } from './commands.ts'

/** The thread of `runBounded`: runs the command and passes on what it says. */
const port = parentPort
if (port === null) throw new Error('this file must be run as a thread')
const { command: name, args, software } = workerData as BoundedStart
const say = (message: FromBounded): void => port.postMessage(message)
let stop: () => void = () => {}
const stopped = new Promise<void>((resolve) => {
  stop = resolve
})
const handlers: (() => void)[] = []
port.on('message', (word: ToBounded) => {
  if (word === 'stop') stop()
  else for (const handler of handlers) handler()
})

try {
  const entry = commands[name]
  if (!entry) throw new Error(`command must be one of the list, got ${name}`)
  const command = await entry.load()
  const code = await command.run(args, {
    software,
    stopped,
    interrupts: (handler) => void handlers.push(handler),
    tell: (message) => say({ kind: 'tell', message }),
    print: (text) => say({ kind: 'print', text }),
    output: (text) => say({ kind: 'output', text }),
  })
  say({ kind: 'end', code, words: null })
} catch (error) {
  if (!(error instanceof ExitError)) throw error
  say({ kind: 'end', code: error.code, words: error.message })
} finally {
  port.close()
}
