import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { killWithTest } from './program.ts'

export interface Login {
  readonly username: string
  readonly password: string
}

/** A mosquitto on loopback, ended with the test; who is let in may do everything. */
export interface Mosquitto {
  readonly url: string
  stop(): Promise<void>
  /** Starts it again at the same port, with nothing retained. */
  start(): Promise<void>
}

/** With a `login` it lets in who has that alone; `lines` are added to its configuration. */
export async function startMosquitto(
  t: Test,
  { login, lines = [] }: { readonly login?: Login; readonly lines?: readonly string[] } = {},
): Promise<Mosquitto> {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'trustmix-mosquitto-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'mosquitto.conf')
  const passwords = join(directory, 'passwords')
  // Its own user could not read the files of a test that root runs.
  const admission = login ? ['user root', `password_file ${passwords}`] : ['allow_anonymous true']
  writeFileSync(file, [`listener ${port} 127.0.0.1`, ...admission, 'set_tcp_nodelay true', ...lines, ''].join('\n'))
  if (login) execFileSync('mosquitto_passwd', ['-b', '-c', passwords, login.username, login.password])
  const url = `mqtt://127.0.0.1:${port}`
  let process: ChildProcess | undefined
  const start = async (): Promise<void> => {
    process = spawn('mosquitto', ['-c', file], { stdio: 'ignore' })
    killWithTest(t, process)
    const probe = mqtt.connect(url, { reconnectPeriod: 50, ...login })
    await new Promise<void>((resolve) => probe.once('connect', () => resolve()))
    await probe.endAsync(true)
  }
  await start()
  return {
    url,
    async stop() {
      const ended = process && once(process, 'close')
      process?.kill()
      await ended
    },
    start,
  }
}
