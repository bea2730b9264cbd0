import { createHash, sign } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { CommandBody } from '../../schemas/command.ts'
import type { UpdateResult } from '../../schemas/update.ts'
import { answer, run } from './cli.ts'
import { type TrustFleet, trustFleet } from './trust-fleet.ts'
import { vectorsFolder } from './vectors.ts'

export const bootloader = fileURLToPath(new URL('../../../image/files/board/bootloader', import.meta.url))

/** Programs of a card that a test has no use for, as scripts that write down how they were called. */
const programs = {
  rauc: '[ -z "$RAUC_SAYS" ] || { echo "LastError: $RAUC_SAYS"; exit 1; }',
  systemctl: 'case $1 in show) echo "connected to the broker" ;; esac',
  busctl: `echo "t $(awk '{ printf "%.0f", $1 * 1000000 - 1000000 }' /proc/uptime)"; echo "t \${WATCHDOG_US:-15000000}"`,
}

/** A card's folders, a fleet with operators ann (who may update) and bob, a unit car01 of it, and a server of bundles. */
export interface UpdateSite {
  readonly fleet: TrustFleet
  /** `localhost:PORT` of the server. */
  readonly host: string
  readonly stateDir: string
  readonly path: (...names: string[]) => string
  /** An update signed by an operator, with what the part says otherwise. */
  request(part?: Partial<CommandBody>, operator?: string): { version: 1; body: string; signature: string }
  /** Leaves a request as the unit would, or anything else. */
  leave(request: unknown): void
  apply(): Promise<{ code: number; result: UpdateResult | undefined }>
  check(...more: string[]): Promise<{ code: number; result: UpdateResult | undefined }>
  /** The other programs' calls so far, which are forgotten. */
  calls(): string[]
  /** From which slot the card has started. */
  slot(name: 'A' | 'B'): void
}

export const bundle = Buffer.from('what would be a bundle')
export const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
export const boot = 7

export async function updateSite(t: Test, serve: RequestListener): Promise<UpdateSite> {
  const fleet = await trustFleet(t)
  const path = (...names: string[]): string => join(t.testdirName, ...names)
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  await fleet.provision('operator', 'ann', '--commands', 'update,pause')
  await fleet.provision('operator', 'bob', '--commands', 'pause')
  const server = createServer({ cert: fleet.tls('hub').cert, key: fleet.tls('hub').key }, serve).listen(0)
  await once(server, 'listening')
  t.teardown(() => void server.close().closeAllConnections())
  const host = `localhost:${(server.address() as { port: number }).port}`
  const template = path('template.json')
  writeFileSync(template, JSON.stringify({ update: { hosts: [host] }, config: { clock: 'trusted', hidden: [8, 8] } }))
  const [units, stateDir, directory] = [path('units'), path('state'), path('update')]
  const more = ['--units', units, '--run', 'r1', '--template', template, '--broker', 'mqtts://localhost:1']
  await fleet.provision('device', 'car01', ...more)
  const unitFile = join(units, 'car01', 'trustmix-provision.json')
  await answer(t, ['provision', 'apply', unitFile, '--config-dir', path('config'), '--state-dir', stateDir])
  await answer(t, ['provision', 'machine', unitFile, '--out', path('machine')])
  writeFileSync(join(stateDir, 'boot.json'), JSON.stringify({ version: 1, boot }))

  for (const folder of ['bin', 'first', 'update']) mkdirSync(path(folder), { recursive: true })
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(path('bin', name), `#!/bin/sh\necho "${name} $*" >>${path('calls')}\n${script}\n`)
    chmodSync(path('bin', name), 0o755)
  }
  process.env.PATH = `${path('bin')}:${process.env.PATH}`
  process.env.CARD_FILE = path('card')
  const slot = (name: string): void =>
    writeFileSync(path('card'), `board=virt\nselector=${path('first')}\nslot=${name}\nupdate=${directory}\n`)
  slot('A')
  let counter = 100
  const own = ['--state-dir', stateDir, '--directory', directory, '--loader', bootloader]
  const told = async (args: readonly string[]) => {
    const { code } = await run(['update', ...args, ...own])
    const file = join(directory, 'result.json')
    return { code, result: existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as UpdateResult) : undefined }
  }
  return {
    ...{ fleet, host, stateDir, path, slot },
    request(part = {}, operator = 'ann') {
      const body = JSON.stringify({
        ...{ version: 1, fleet: 'demo', vehicle: 'car01', boot, name: 'update', operator, counter: ++counter },
        ...{ args: { bundle: `https://${host}/good`, sha256: digest(bundle) }, expires: null },
        ...part,
      })
      const key = fleet.read('members', operator, 'signing.key.pem')
      return { version: 1, body, signature: sign(null, Buffer.from(body), key).toString('base64') }
    },
    leave: (request) => writeFileSync(join(stateDir, 'update-request.json'), JSON.stringify(request)),
    apply: () => told(['apply', '--unit', path('machine', 'etc', 'trustmix-unit.json')]),
    check: (...more) => told(['check', '--config', path('config', 'device.json'), '--vectors', vectorsFolder, ...more]),
    calls() {
      const lines = existsSync(path('calls')) ? readFileSync(path('calls'), 'utf8').trim().split('\n') : []
      writeFileSync(path('calls'), '')
      return lines.filter((line) => line !== '')
    },
  }
}
