import { generateKeyPairSync } from 'node:crypto'
import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { User } from '../../broker/admission.ts'
import { createBroker } from '../../broker/broker.ts'
import { rawPublicKey } from '../../device/identity.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import { base } from './broker-fixture.ts'
import { busTo } from './buses.ts'
import { type Collected, collect } from './devices.ts'

/** A unit whose package is installed in a root. */
export interface Unit {
  /** Arguments of `trustmix` that the unit has too. */
  readonly device: readonly string[]
  readonly statuses: Collected<'fleet' | 'vehicle', Status>
  /** Resolves at a status of that start. */
  reached(state: Status['state'], boot: number): Promise<void>
  /** Of the device's own process, outside of systemd. */
  pid(): number
}

/** Gives the root's unit a key, completes its configuration by hand, and gives it a broker on loopback. */
export async function provision(t: Test, root: string): Promise<Unit> {
  const users = new Map<string, User>([
    ['car01', { id: 'car01', role: 'device', password: 'car01-secret' }],
    ['monitor', { id: 'monitor', role: 'monitor', password: 'monitor-secret' }],
  ])
  const broker = await createBroker({ ...base, users })
  t.teardown(() => broker.close())
  const statuses = collect(busTo(t, broker.port, 'monitor'), channels.status, { fleet: 'demo', vehicle: 'car01' })
  const { privateKey } = generateKeyPairSync('ed25519')
  const state = '/var/lib/trustmix'
  const files = {
    'key.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    'public-keys.json': JSON.stringify({ version: 1, keys: { car01: rawPublicKey(privateKey) } }),
    password: 'car01-secret',
  }
  const { uid, gid } = statSync(join(root, state))
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(root, state, name), content, { mode: 0o600 })
    chownSync(join(root, state, name), uid, gid)
  }
  const file = join(root, 'etc/trustmix/device.json')
  const config = {
    ...JSON.parse(readFileSync(file, 'utf8')),
    ...{ vehicle: 'car01', broker: `mqtt://127.0.0.1:${broker.port}`, maxBackoffMs: 500 },
    ...{ username: 'car01', passwordFile: `${state}/password` },
    ...{ privateKeyFile: `${state}/key.pem`, publicKeysFile: `${state}/public-keys.json` },
  }
  writeFileSync(file, JSON.stringify(config))
  return {
    device: ['device', '--config', '/etc/trustmix/device.json', '--state-dir', state, '--stay'],
    statuses,
    async reached(wanted, boot) {
      for (let seen = 1; ; seen++) {
        await statuses.until(seen)
        if (statuses.messages.some(({ state, boot: at }) => state === wanted && at === boot)) return
      }
    },
    pid: () =>
      Number(
        readdirSync('/proc').find((entry) => {
          try {
            return readFileSync(`/proc/${entry}/cmdline`, 'utf8').startsWith('/usr/lib/trustmix/node\0')
          } catch {
            return false
          }
        }),
      ),
  }
}
