import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { ExitError } from '../../schemas/exit.ts'
import { type Provision, validateProvision } from '../../schemas/provision.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { FleetDirectory } from './fleet-directory.ts'

/** The name that a unit looks for. */
export const unitFileName = 'trustmix-provision.json'

/** Largest unit file, bytes: a roster of some ten thousand members, and the rest. */
const maxBytes = 2_097_152

/** What the units of a fleet have in common, and where it comes from. */
export interface UnitOptions {
  readonly broker: string | undefined
  readonly run: string | undefined
  /** JSON file with further keys of the unit file: wifi, address, ntp, config … */
  readonly template: string | undefined
}

/** The unit file of a member: with its keys, or with what it needs to be enrolled. ExitError 2 names what is missing or wrong. */
export function unitFile(
  directory: FleetDirectory,
  id: string,
  options: UnitOptions,
  admission: Pick<Provision, 'keys'> | Pick<Provision, 'enrolment'>,
): Provision {
  const template = options.template === undefined ? {} : readJson(options.template)
  const unit = {
    hostname: id.toLowerCase().replaceAll('_', '-'),
    ...(template as object),
    ...(options.broker !== undefined && { broker: options.broker }),
    ...(options.run !== undefined && { run: options.run }),
    ...{ version: formatVersion, id, fleet: directory.registry().fleet },
    ...{ ca: directory.authority, rootKey: directory.rootKey, roster: directory.roster() },
    ...admission,
  }
  const validated = validateProvision(unit)
  if (!validated.ok) throw new ExitError('usage', `the unit file of ${id}: ${validated.detail}`)
  if (!validated.value.broker)
    throw new ExitError('usage', '--broker is needed, or a broker in --template, got nothing')
  return validated.value
}

/** The keys of a member as a unit file carries them. */
export function keysOf(directory: FleetDirectory, id: string): Pick<Provision, 'keys'> {
  const read = (name: string): string => {
    try {
      return readFileSync(directory.file('members', id, name), 'utf8')
    } catch (error) {
      const why = `${id} must have keys in ${directory.path}; those of an enrolled unit are on the unit`
      throw new ExitError('usage', `${why}: ${(error as Error).message}`)
    }
  }
  return {
    keys: { tlsKey: read('tls.key.pem'), certificate: read('tls.pem'), signingKey: read('signing.key.pem') },
  }
}

/** Writes `DIR/ID/trustmix-provision.json`, readable by the owner only, and returns its path. */
export function writeUnitFile(folder: string, unit: Provision): string {
  const path = join(folder, unit.id, unitFileName)
  writeAtomically(path, `${JSON.stringify(unit, null, 2)}\n`, 0o600)
  return path
}

/** Reads a unit file; ExitError 2 where it cannot be read, 4 where it is not one. */
export function readUnitFile(path: string): Provision {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > maxBytes) throw new ExitError('damaged', `${path} must be at most ${maxBytes} bytes, got ${size}`)
  const validated = validateProvision(readJson(path))
  if (!validated.ok) throw new ExitError('damaged', `${path}: ${validated.detail}`)
  return validated.value
}

/** The unit file without what must stay secret: keys, token, Wi-Fi passphrase. The roster is told by its number. */
export function withoutSecrets({ keys, enrolment, wifi, roster, ...open }: Provision): object {
  return {
    ...open,
    ...(roster && { roster: `number ${(JSON.parse(roster.body) as { number?: unknown }).number}` }),
    ...(wifi && { wifi: { ...wifi, ...(wifi.passphrase !== undefined && { passphrase: hidden }) } }),
    ...(enrolment && { enrolment: { ...enrolment, token: hidden } }),
    ...(keys && { keys: { certificate: keys.certificate, tlsKey: hidden, signingKey: hidden } }),
  }
}

const hidden = '(secret)'

function readJson(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ExitError('damaged', `${path} must be JSON: ${(error as Error).message}`)
  }
}
