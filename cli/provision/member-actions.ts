import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import type { Member, MemberRole } from '../../schemas/fleet-registry.ts'
import { aggregatorId, validId } from '../../schemas/topics.ts'
import { createFleetDirectory, openFleetDirectory, openFleetKeys } from './fleet-directory.ts'
import { memberTable } from './member-table.ts'
import { changeFleet, type FleetChange } from './members.ts'
import {
  type Action,
  change,
  fleetOptions,
  idsOf,
  jsonOption,
  listOf,
  passphraseSource,
  readFlags,
  unitOptions,
  validityOption,
} from './options.ts'
import { readNewPassphrase } from './passphrase.ts'
import { keysOf, unitFile, writeUnitFile } from './unit-file.ts'
import { loadCertificateMaker } from './x509.ts'

const fleetSpec = {
  ...fleetOptions,
  'no-passphrase': { kind: 'flag', description: 'leave the keys unencrypted (a test fleet)' },
  ...jsonOption,
} as const

export const fleetAction: Action = {
  usage: 'fleet ID',
  spec: fleetSpec,
  async run(words, flags, io) {
    const options = readFlags(fleetSpec, flags)
    const [fleet] = idsOf(words, 'fleet')
    if (!validId.test(fleet)) throw new ExitError('usage', `the id must match [A-Za-z0-9_-]{1,23}, got ${fleet}`)
    const maker = await loadCertificateMaker()
    const passphrase = options['no-passphrase'] ? undefined : await readNewPassphrase(passphraseSource(options))
    const directory = await createFleetDirectory(options['fleet-dir'], fleet, passphrase, maker, new Date())
    const keys = await openFleetKeys(directory, async () => passphrase ?? '')
    const first = changeFleet(directory, keys, maker, new Date())
    // The client that publishes rosters.
    await first.add({ id: 'root', role: 'root' })
    await first.commit()
    const made = { fleet, directory: directory.path, rootKey: directory.rootKey }
    io.output(
      options.json
        ? `${JSON.stringify(made)}\n`
        : `fleet ${fleet} in ${made.directory}; its root's public key is ${made.rootKey}\n`,
    )
  },
}

const deviceSpec = { ...fleetOptions, ...validityOption, ...unitOptions, ...jsonOption } as const

export const deviceAction: Action = {
  usage: 'device ID…',
  spec: deviceSpec,
  async run(words, flags, io) {
    const options = readFlags(deviceSpec, flags)
    const ids = idsOf(words, 'device')
    const { units } = options
    await change(options, (fleet) => addAll(fleet, ids, { role: 'device', validDays: options.days }))
    const directory = openFleetDirectory(options['fleet-dir'])
    const files = ids.map((id) => {
      if (units === undefined) return directory.file('members', id)
      return writeUnitFile(units, unitFile(directory, id, options, keysOf(directory, id)))
    })
    io.output(
      options.json
        ? `${JSON.stringify({ devices: ids, files })}\n`
        : ids.map((id, i) => `${id}  ${files[i]}\n`).join(''),
    )
  },
}

const operatorSpec = {
  ...fleetOptions,
  ...validityOption,
  commands: { kind: 'text', placeholder: 'NAME,…', required: true, description: 'commands that the operator may give' },
  ...jsonOption,
} as const

export const operatorAction: Action = {
  usage: 'operator ID --commands pause,resume',
  spec: operatorSpec,
  async run(words, flags, io) {
    const options = readFlags(operatorSpec, flags)
    const [id] = idsOf(words, 'operator')
    const commands = listOf(options.commands)
    for (const name of commands)
      if (!validId.test(name)) throw new ExitError('usage', `a command must match [A-Za-z0-9_-]{1,23}, got ${name}`)
    const member = await change(options, (fleet) =>
      fleet.add({ id, role: 'operator', commands, validDays: options.days }),
    )
    tell(io.output, options, [member])
  },
}

const memberSpec = { ...fleetOptions, ...validityOption, ...jsonOption } as const

/** Clients of the broker that are no vehicles. */
export function clientAction(role: Extract<MemberRole, 'bridge' | 'aggregator' | 'monitor' | 'root'>): Action {
  return {
    usage: role === 'aggregator' ? role : `${role} ID`,
    spec: memberSpec,
    async run(words, flags, io) {
      const options = readFlags(memberSpec, flags)
      const ids = role === 'aggregator' && words.length === 0 ? [aggregatorId] : idsOf(words, role)
      tell(io.output, options, await change(options, (fleet) => addAll(fleet, ids, { role, validDays: options.days })))
    },
  }
}

const brokerSpec = {
  ...fleetOptions,
  ...validityOption,
  host: { kind: 'text', placeholder: 'NAME,…', required: true, description: 'names and addresses that clients use' },
  ...jsonOption,
} as const

export const brokerAction: Action = {
  usage: 'broker ID --host broker.example,192.168.1.2',
  spec: brokerSpec,
  async run(words, flags, io) {
    const options = readFlags(brokerSpec, flags)
    const [id] = idsOf(words, 'broker')
    const hosts = listOf(options.host)
    if (hosts.length === 0) throw new ExitError('usage', `--host must name a host, got ${JSON.stringify(options.host)}`)
    const member = await change(options, (fleet) => fleet.add({ id, role: 'broker', hosts, validDays: options.days }))
    tell(io.output, options, [member])
  },
}

const renewSpec = { ...fleetOptions, ...validityOption, ...unitOptions, ...jsonOption } as const

export const renewAction: Action = {
  usage: 'renew ID…',
  spec: renewSpec,
  async run(words, flags, io) {
    const options = readFlags(renewSpec, flags)
    const ids = idsOf(words, 'renew')
    const renewed = await change(options, async (fleet) => {
      const members: Member[] = []
      for (const id of ids) members.push(await fleet.renew(id, options.days))
      return members
    })
    const directory = openFleetDirectory(options['fleet-dir'])
    if (options.units !== undefined)
      for (const { id, role } of renewed)
        if (role === 'device') writeUnitFile(options.units, unitFile(directory, id, options, keysOf(directory, id)))
    tell(io.output, options, renewed)
  },
}

const revokeSpec = { ...fleetOptions, ...jsonOption } as const

export const revokeAction: Action = {
  usage: 'revoke ID…',
  spec: revokeSpec,
  async run(words, flags, io) {
    const options = readFlags(revokeSpec, flags)
    const ids = idsOf(words, 'revoke')
    const number = await change(options, async (fleet) => {
      for (const id of ids) await fleet.revoke(id)
      return fleet.registry.number + 1
    })
    const { path } = openFleetDirectory(options['fleet-dir'])
    const files = { roster: join(path, 'roster.json'), revocations: join(path, 'crl.pem') }
    io.output(
      options.json
        ? `${JSON.stringify({ revoked: ids, number, ...files })}\n`
        : `${ids.join(', ')} revoked in roster ${number}. It takes effect when it is published (provision roster publish);\n` +
            'mosquitto needs new rules as well (provision broker-config mosquitto, then reload it).\n',
    )
  },
}

const listSpec = { 'fleet-dir': fleetOptions['fleet-dir'], ...jsonOption } as const

export const listAction: Action = {
  usage: 'list',
  spec: listSpec,
  async run(_words, flags, io) {
    const options = readFlags(listSpec, flags)
    const registry = openFleetDirectory(options['fleet-dir']).registry()
    const { tokens: _tokens, ...open } = registry
    const columns = process.stdout.columns ?? 80
    io.output(options.json ? `${JSON.stringify(open)}\n` : memberTable(registry, new Date(), columns))
  },
}

async function addAll(
  fleet: FleetChange,
  ids: readonly string[],
  common: { readonly role: MemberRole; readonly validDays: number },
): Promise<Member[]> {
  const members: Member[] = []
  for (const id of ids) members.push(await fleet.add({ id, ...common }))
  return members
}

function tell(
  output: (text: string) => void,
  options: { readonly 'fleet-dir': string; readonly json: boolean },
  members: readonly Member[],
): void {
  if (options.json) output(`${JSON.stringify({ members })}\n`)
  else
    for (const { id, role, notAfter } of members)
      output(`${role} ${id}  ${join(options['fleet-dir'], 'members', id)}  to ${notAfter.slice(0, 10)}\n`)
}
