import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Broker } from '../../broker/broker.ts'
import { listen } from '../../broker/listen.ts'
import { defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import { freePort } from './free-port.ts'
import { killWithTest } from './program.ts'
import type { TrustFleet } from './trust-fleet.ts'

export interface SecuredBroker {
  readonly tls: string
  readonly ws: string
  /** The own broker; undefined where it is mosquitto. */
  readonly own?: Broker
  /** What it has printed so far. */
  log(): string
  /** Writes its files anew and has it read them, as a user would. */
  reload(): Promise<void>
}

/** The own broker as `trustmix broker --config broker.json` starts it. */
export async function startOwn(t: Test, fleet: TrustFleet): Promise<SecuredBroker> {
  const out = join(fleet.path, 'own')
  const write = () => fleet.provision('broker-config', 'trustmix', '--out', out, ...ports(0, 0))
  const { file } = await write()
  const config = { ...defaultConfig, ...(JSON.parse(readFileSync(String(file), 'utf8')) as PartialConfig) }
  const lines: string[] = []
  const context = {
    software: 'test',
    print: (line: string) => void lines.push(line),
    stopped: new Promise<void>(() => {}),
  }
  const listening = await listen(config as typeof defaultConfig, context)
  t.teardown(() => listening.close())
  return {
    tls: `mqtts://localhost:${listening.tlsPort}`,
    ws: `wss://localhost:${listening.wsPort}`,
    own: listening.broker,
    log: () => lines.join('\n'),
    reload: async () => void (await write()),
  }
}

/** mosquitto with the files of `provision broker-config mosquitto`; a user `spy` may read everything, for the test's eyes. */
export async function startMosquitto(t: Test, fleet: TrustFleet): Promise<SecuredBroker> {
  const out = join(fleet.path, 'mosquitto')
  const [tlsPort, wsPort] = [await freePort(), await freePort()]
  const write = async (): Promise<void> => {
    await fleet.provision('broker-config', 'mosquitto', '--out', out, ...ports(tlsPort, wsPort))
    appendFileSync(join(out, 'acl'), '\nuser spy\ntopic read #\n')
  }
  await write()
  const file = join(out, 'test.conf')
  // Its own user could not read the files of a test that root runs.
  writeFileSync(file, `user root\nlog_type all\n${readFileSync(join(out, 'mosquitto.conf'), 'utf8')}`)
  let log = ''
  const mosquitto = spawn('mosquitto', ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [mosquitto.stdout, mosquitto.stderr]) stream?.on('data', (text) => (log += text))
  killWithTest(t, mosquitto)
  for (const port of [tlsPort, wsPort]) await listens(port, mosquitto, () => log)
  return {
    tls: `mqtts://localhost:${tlsPort}`,
    ws: `wss://localhost:${wsPort}`,
    log: () => log,
    async reload() {
      await write()
      mosquitto.kill('SIGHUP')
    },
  }
}

function ports(tls: number, ws: number): string[] {
  return ['--host', '127.0.0.1', '--tls-port', String(tls), '--ws-port', String(ws)]
}

/** Waits until a port of a process takes connections; fails with its log where it ends before. */
async function listens(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}:\n${log()}`)
    const socket = connectTcp({ port, host: '127.0.0.1' })
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await delay(20)
  }
}
