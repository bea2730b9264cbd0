import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { ExitError } from '../../schemas/exit.ts'
import { formatVersion } from '../../schemas/validator.ts'
import { type FleetDirectory, openFleetDirectory } from './fleet-directory.ts'
import { mosquittoAcl, mosquittoConfig } from './mosquitto-config.ts'
import { type Action, fleetOptions, jsonOption, readFlags } from './options.ts'

const spec = {
  'fleet-dir': fleetOptions['fleet-dir'],
  out: { kind: 'text', placeholder: 'DIR', required: true, description: 'directory to write the files to' },
  use: { kind: 'text', placeholder: 'DIR', description: 'where the broker will find them (default: --out)' },
  broker: { kind: 'text', placeholder: 'ID', description: 'whose certificate (default: the one broker of the fleet)' },
  host: { kind: 'text', placeholder: 'ADDRESS', default: '0.0.0.0', description: 'address to listen on' },
  'tls-port': {
    kind: 'number',
    integer: true,
    minimum: 0,
    maximum: 65_535,
    default: 8_883,
    description: 'port for TLS',
  },
  'ws-port': {
    kind: 'number',
    integer: true,
    minimum: 0,
    maximum: 65_535,
    description: 'port for WebSocket over TLS (none unless given)',
  },
  'monitor-port': {
    kind: 'number',
    integer: true,
    minimum: 0,
    maximum: 65_535,
    default: 8_443,
    description: "with trustmix: port of the monitor's page, over TLS",
  },
  ...jsonOption,
} as const

/** Writes what a broker needs: its certificate, the authority, the revocation list, the rules or the roster. */
export const brokerConfigAction: Action = {
  usage: 'broker-config mosquitto|trustmix --out DIR',
  spec,
  async run([kind], flags, io) {
    if (kind !== 'mosquitto' && kind !== 'trustmix')
      throw new ExitError('usage', `provision broker-config needs mosquitto or trustmix, got ${kind ?? 'nothing'}`)
    const options = readFlags(spec, flags)
    const directory = openFleetDirectory(options['fleet-dir'])
    const { fleet, members } = directory.registry()
    const folder = resolve(options.use ?? options.out)
    const { host, 'tls-port': tlsPort, 'ws-port': wsPort, 'monitor-port': monitorPort } = options
    const source = directory.file('members', brokerOf(directory, options.broker))
    const write = (name: string, content: string, mode?: number): void =>
      writeAtomically(join(options.out, name), content, mode)
    write('broker.key.pem', readFileSync(join(source, 'tls.key.pem'), 'utf8'), 0o600)
    write('broker.pem', readFileSync(join(source, 'tls.pem'), 'utf8'))
    write('ca.pem', directory.authority)
    write('crl.pem', readFileSync(directory.file('crl.pem'), 'utf8'))
    let main: string
    if (kind === 'mosquitto') {
      main = join(options.out, 'mosquitto.conf')
      write('acl', mosquittoAcl(fleet, members), 0o600)
      write('mosquitto.conf', mosquittoConfig({ folder, host, tlsPort, wsPort }))
    } else {
      main = join(options.out, 'broker.json')
      write('root.pub.pem', readFileSync(directory.file('root.pub.pem'), 'utf8'))
      write('roster.json', `${JSON.stringify(directory.roster())}\n`)
      const config = {
        ...{ version: formatVersion, fleet, host, port: 0, tlsPort, wsPort: wsPort ?? null, monitorPort },
        ...{ certFile: join(folder, 'broker.pem'), keyFile: join(folder, 'broker.key.pem') },
        ...{ caFile: join(folder, 'ca.pem'), crlFile: join(folder, 'crl.pem') },
        ...{ rootKeyFile: join(folder, 'root.pub.pem'), rosterFile: join(folder, 'roster.json') },
        stateDir: join(folder, 'state'),
      }
      write('broker.json', `${JSON.stringify(config, null, 2)}\n`)
    }
    const next = kind === 'mosquitto' ? `mosquitto -c ${main}` : `trustmix broker --config ${main}`
    io.output(
      options.json ? `${JSON.stringify({ file: main })}\n` : `${main}  (${next}; after a change: see docs/trust.md)\n`,
    )
  },
}

function brokerOf(directory: FleetDirectory, asked: string | undefined): string {
  const brokers = directory
    .registry()
    .members.filter(({ role, revoked }) => role === 'broker' && revoked === null)
    .map(({ id }) => id)
  if (asked === undefined && brokers.length === 1) return brokers[0] ?? ''
  if (asked !== undefined && brokers.includes(asked)) return asked
  throw new ExitError(
    'usage',
    `--broker must be one of ${brokers.join(', ') || '(none: trustmix provision broker)'}, got ${asked ?? 'nothing'}`,
  )
}
