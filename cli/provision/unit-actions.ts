import { join } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { ExitError } from '../../schemas/exit.ts'
import { validId } from '../../schemas/topics.ts'
import { applyUnit } from './apply.ts'
import { enrol } from './enrol.ts'
import { serveEnrolment } from './enrol-server.ts'
import { locked, openFleetDirectory } from './fleet-directory.ts'
import { machineFiles } from './machine.ts'
import {
  type Action,
  fleetOptions,
  idsOf,
  jsonOption,
  listOf,
  openFleet,
  readFlags,
  unitOptions,
  validityOption,
} from './options.ts'
import { publishRoster } from './roster-actions.ts'
import { newToken, tokenLifeMs } from './tokens.ts'
import { readUnitFile, unitFile, withoutSecrets, writeUnitFile } from './unit-file.ts'
import { loadCertificateMaker } from './x509.ts'

const tokenSpec = {
  'fleet-dir': fleetOptions['fleet-dir'],
  url: { kind: 'text', placeholder: 'URL', required: true, description: 'of provision serve, https://host:port' },
  ...unitOptions,
  units: { ...unitOptions.units, default: 'units', description: 'writes DIR/ID/trustmix-provision.json' },
  ...jsonOption,
} as const

export const tokenAction: Action = {
  usage: 'token ID…',
  spec: tokenSpec,
  async run(words, flags, io) {
    const options = readFlags(tokenSpec, flags)
    const ids = idsOf(words, 'token')
    const directory = openFleetDirectory(options['fleet-dir'])
    const files = await locked(directory, async () => {
      const registry = directory.registry()
      const made = ids.map((id) => {
        const known = registry.members.find((member) => member.id === id)
        if (!validId.test(id)) throw new ExitError('usage', `an id must match [A-Za-z0-9_-]{1,23}, got ${id}`)
        if (known) throw new ExitError('usage', `${id} must be new, but is ${known.revoked ? 'revoked' : known.role}`)
        const enrolment = { url: options.url, token: newToken(registry, id, new Date()) }
        return unitFile(directory, id, options, { enrolment })
      })
      directory.write('fleet.json', `${JSON.stringify(registry, null, 2)}\n`, 0o600)
      return made.map((unit) => writeUnitFile(options.units, unit))
    })
    const hours = tokenLifeMs / 3_600_000
    if (options.json) io.output(`${JSON.stringify({ devices: ids, files, hours })}\n`)
    else io.output(ids.map((id, i) => `${id}  ${files[i]}  (once, within ${hours} h)\n`).join(''))
  },
}

const serveSpec = {
  ...fleetOptions,
  ...validityOption,
  name: { kind: 'text', placeholder: 'NAME,…', required: true, description: 'names and addresses in the URL of units' },
  host: { kind: 'text', placeholder: 'ADDRESS', default: '0.0.0.0', description: 'address to listen on' },
  port: {
    kind: 'number',
    integer: true,
    minimum: 0,
    maximum: 65_535,
    default: 8_443,
    description: 'port to listen on',
  },
  publish: { kind: 'text', placeholder: 'URL', description: 'broker that gets the roster after each enrolment' },
} as const

export const serveAction: Action = {
  usage: 'serve --name provision.example',
  spec: serveSpec,
  async run(_words, flags, io) {
    const options = readFlags(serveSpec, flags)
    const { directory, keys } = await openFleet(options)
    const maker = await loadCertificateMaker()
    const { print } = io
    const publish = (broker: string): Promise<void> =>
      publishRoster(directory, { broker, id: 'root', waitMs: 10_000, print }).catch((error: Error) => {
        print(`the roster was not published: ${error.message}`)
      })
    const server = await serveEnrolment({
      ...{ directory, keys, maker, host: options.host, port: options.port, names: listOf(options.name) },
      ...{ validDays: options.days, now: () => new Date(), print },
      onEnrolled: () => void (options.publish !== undefined && publish(options.publish)),
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.syscall !== 'listen') throw error
      throw new ExitError('usage', `cannot listen on ${options.host}:${options.port}: ${error.message}`)
    })
    io.tell({ kind: 'listening', port: server.port })
    print(`enrolment on https://${listOf(options.name)[0]}:${server.port}`)
    await io.stopped
    await server.close()
  },
}

const placeSpec = {
  'config-dir': { kind: 'text', placeholder: 'DIR', required: true, description: 'directory that gets device.json' },
  'state-dir': { kind: 'text', placeholder: 'DIR', required: true, description: "directory of the device's state" },
  ...jsonOption,
} as const

const enrolSpec = {
  file: { kind: 'text', required: true, description: 'unit file' },
  ...placeSpec,
  'wait-ms': { kind: 'number', minimum: 100, default: 30_000, unit: 'ms', description: 'longest wait for the server' },
} as const

export const enrolAction: Action = {
  usage: 'enrol --file trustmix-provision.json',
  spec: enrolSpec,
  async run(_words, flags, io) {
    const options = readFlags(enrolSpec, flags)
    const unit = readUnitFile(options.file)
    const place = { configDir: options['config-dir'], stateDir: options['state-dir'] }
    const maker = await loadCertificateMaker()
    const state = await enrol(unit, maker, { ...place, waitMs: options['wait-ms'], onTrouble: io.print })
    const { file } = applyUnit(unit, place)
    const text = `${unit.id} ${state === 'known' ? 'was enrolled before' : 'is enrolled'}; ${file}\n`
    io.output(options.json ? `${JSON.stringify({ id: unit.id, state, file })}\n` : text)
  },
}

const showSpec = jsonOption

export const showAction: Action = {
  usage: 'show FILE',
  spec: showSpec,
  async run([path], flags, io) {
    const options = readFlags(showSpec, flags)
    if (path === undefined) throw new ExitError('usage', 'provision show needs a file, got nothing')
    const open = withoutSecrets(readUnitFile(path))
    io.output(`${options.json ? JSON.stringify(open) : JSON.stringify(open, null, 2)}\n`)
  },
}

export const applyAction: Action = {
  usage: 'apply FILE --config-dir DIR --state-dir DIR',
  spec: placeSpec,
  async run([path], flags, io) {
    const options = readFlags(placeSpec, flags)
    if (path === undefined) throw new ExitError('usage', 'provision apply needs a file, got nothing')
    const unit = readUnitFile(path)
    const applied = applyUnit(unit, { configDir: options['config-dir'], stateDir: options['state-dir'] })
    const text = applied.complete
      ? applied.file
      : `nothing is written: ${unit.id} has to be enrolled first (provision enrol)`
    io.output(options.json ? `${JSON.stringify({ id: unit.id, ...applied })}\n` : `${text}\n`)
  },
}

const machineSpec = {
  out: { kind: 'text', placeholder: 'DIR', required: true, description: 'directory that gets the files, as below /' },
  ...jsonOption,
} as const

export const machineAction: Action = {
  usage: 'machine FILE --out DIR',
  spec: machineSpec,
  async run([path], flags, io) {
    const options = readFlags(machineSpec, flags)
    if (path === undefined) throw new ExitError('usage', 'provision machine needs a file, got nothing')
    const unit = readUnitFile(path)
    const files = machineFiles(unit)
    for (const { path, content, mode } of files) writeAtomically(join(options.out, path), content, mode)
    const names = files.map(({ path }) => path)
    io.output(options.json ? `${JSON.stringify({ id: unit.id, files: names })}\n` : `${names.join('\n')}\n`)
  },
}
