import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { killWithTest } from './program.ts'

/** The other end of NOTIFY_SOCKET: what a service manager hears. */
export interface NotifyListener {
  readonly socket: string
  /** Words such as `READY=1` in the order of their arrival. */
  readonly heard: readonly string[]
  /** Resolves with the place of the first word from place `from` on that is `word`. */
  until(word: string, from?: number): Promise<number>
}

/** Receives datagrams, which Node cannot, and prints each as a line of JSON. */
const program = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print(json.dumps(""), flush=True)
while True: print(json.dumps(receiver.recv(4096).decode()), flush=True)
`

/** Listens on `socket`, which must not exist and be short (108 bytes), until the test ends. */
export async function listenForNotifications(t: Test, python: string, socket: string): Promise<NotifyListener> {
  const child = spawn(python, ['-c', program, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  killWithTest(t, child)
  const heard: string[] = []
  const waiting = new Set<() => void>()
  let opened: () => void = () => {}
  const open = new Promise<void>((resolve, reject) => {
    opened = resolve
    child.once('exit', (code) => reject(new Error(`the listener ended with ${code}`)))
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    opened()
    heard.push(...(JSON.parse(line) as string).split('\n').filter((word) => word !== ''))
    for (const look of waiting) look()
  })
  await open
  return {
    socket,
    heard,
    until: (word, from = 0) =>
      new Promise((resolve) => {
        const look = (): void => {
          const place = heard.indexOf(word, from)
          if (place < 0) return
          waiting.delete(look)
          resolve(place)
        }
        waiting.add(look)
        look()
      }),
  }
}
