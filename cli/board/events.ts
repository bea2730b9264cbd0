import type { ChildProcess } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { ExitError } from '../../schemas/exit.ts'
import type { Console } from './console.ts'

/** QEMU's events, as they come: https://qemu.readthedocs.io/en/latest/interop/qmp-spec.html. ExitError 3 where it ends before. */
export async function eventsOf(path: string, child: ChildProcess, console: Console): Promise<string[]> {
  const events: string[] = []
  const gone = (): ExitError =>
    new ExitError('unreachable', `QEMU ended with ${child.exitCode}: ${console.lines().slice(-20).join('\n')}`)
  let answered: () => void = () => {}
  const socket = await connected(path, child, gone)
  socket.on('error', () => {})
  const lines = createInterface({ input: socket })
  lines.on('error', () => {})
  lines.on('line', (line) => {
    const message = JSON.parse(line) as { event?: string; return?: object; data?: object }
    if (message.event) events.push(`${message.event} ${JSON.stringify(message.data ?? {})}`)
    if (message.return) answered()
  })
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(gone()))
    answered = resolve
    socket.write('{ "execute": "qmp_capabilities" }\n')
  })
  return events
}

async function connected(path: string, child: ChildProcess, gone: () => Error): Promise<Socket> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw gone()
    const socket = connect(path)
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (open) return socket
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
