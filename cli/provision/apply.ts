import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { publicKeyOf } from '../../device/identity.ts'
import { openRoster } from '../../device/trust/roster.ts'
import { configKeys, type PartialConfig } from '../../schemas/config.ts'
import { unitDefaults } from '../../schemas/config-unit.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { Provision } from '../../schemas/provision.ts'
import { formatVersion } from '../../schemas/validator.ts'

export interface ApplyOptions {
  /** Gets device.json, which `trustmix device --config` starts from. */
  readonly configDir: string
  /** Gets keys, certificates and the roster; the device keeps its own state there. */
  readonly stateDir: string
}

export interface Applied {
  /** The configuration of the device. */
  readonly file: string
  /** Whether the unit has keys and certificate; without, nothing was written, and it has to be enrolled first. */
  readonly complete: boolean
}

/** Keys and certificate of a unit. */
export type UnitKeys = NonNullable<Provision['keys']>

/**
 * Turns a unit file into what a device process starts from. Each set of keys gets a directory of its own, named by its
 * content, and device.json, which names that directory, is written last: a cut at any point leaves the former unit or the
 * new one, never a mixture. Applying a file again changes nothing. A unit that has no keys yet stays what it was until it is
 * enrolled. ExitError 4 where the file contradicts itself.
 */
export function applyUnit(unit: Provision, options: ApplyOptions): Applied {
  const keys = unit.keys ?? enrolledKeys(unit, options.stateDir)
  check(unit, keys)
  const stateDir = resolve(options.stateDir)
  const files = identityFiles(unit, keys)
  const identities = join(stateDir, 'identity')
  const name = digest(JSON.stringify(files))
  const folder = join(identities, name)
  const config = deviceConfig(unit, folder, stateDir)
  const file = join(resolve(options.configDir), 'device.json')
  if (!keys) return { file, complete: false }
  for (const [name, content] of Object.entries(files)) keep(join(folder, name), content, 0o600)
  keep(file, `${JSON.stringify(config, null, 2)}\n`, 0o644)
  for (const former of readdirSync(identities))
    if (former !== name) rmSync(join(identities, former), { recursive: true, force: true })
  return { file, complete: true }
}

/** Where enrolment keeps what it made on the unit: it outlives every other unit file of the same id. */
export function enrolmentFolder({ id, fleet }: Pick<Provision, 'id' | 'fleet'>, stateDir: string): string {
  return join(resolve(stateDir), 'enrolment', `${fleet}.${id}`)
}

function enrolledKeys(unit: Provision, stateDir: string): UnitKeys | undefined {
  const folder = enrolmentFolder(unit, stateDir)
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  if (!existsSync(join(folder, 'tls.pem'))) {
    if (unit.enrolment) return undefined
    throw new ExitError('damaged', `the unit file of ${unit.id} must hold keys or an enrolment, got neither`)
  }
  return { tlsKey: read('tls.key.pem'), certificate: read('tls.pem'), signingKey: read('signing.key.pem') }
}

/** Everything that could keep the unit from coming up is found here, not on the road. */
function check(unit: Provision, keys: UnitKeys | undefined): void {
  const rule = (holds: boolean, text: string): void => {
    if (!holds) throw new ExitError('damaged', `the unit file of ${unit.id}: ${text}`)
  }
  const parsed = <T>(what: string, parse: () => T): T => {
    try {
      return parse()
    } catch (error) {
      throw new ExitError(
        'damaged',
        `the unit file of ${unit.id}: ${what} must be readable: ${(error as Error).message}`,
      )
    }
  }
  const authority = parsed('ca', () => new X509Certificate(unit.ca))
  parsed('rootKey', () => publicKeyOf('the fleet root', unit.rootKey))
  if (unit.roster) {
    const opened = openRoster(unit.roster, unit.rootKey, unit.fleet)
    rule(opened.ok, `roster: ${opened.ok ? '' : opened.detail}`)
  }
  if (!keys) return
  const certificate = parsed('keys/certificate', () => new X509Certificate(keys.certificate))
  const tlsKey = parsed('keys/tlsKey', () => createPrivateKey(keys.tlsKey))
  const signing = parsed('keys/signingKey', () => createPrivateKey(keys.signingKey))
  rule(certificate.checkPrivateKey(tlsKey), 'keys/tlsKey must be the key of keys/certificate')
  rule(certificate.verify(authority.publicKey), 'keys/certificate must be signed by ca')
  rule(certificate.subject.split('\n').includes(`CN=${unit.id}`), `keys/certificate must be of ${unit.id}`)
  rule(signing.asymmetricKeyType === 'ed25519', `keys/signingKey must be Ed25519, got ${signing.asymmetricKeyType}`)
}

function identityFiles(unit: Provision, keys: UnitKeys | undefined): Record<string, string> {
  const root = publicKeyOf('the fleet root', unit.rootKey).export({ type: 'spki', format: 'pem' })
  return {
    'ca.pem': unit.ca,
    'root.pub.pem': String(root),
    ...(unit.roster && { 'roster.json': `${JSON.stringify(unit.roster)}\n` }),
    ...(keys && { 'tls.key.pem': keys.tlsKey, 'tls.pem': keys.certificate, 'signing.key.pem': keys.signingKey }),
  }
}

function deviceConfig(unit: Provision, folder: string, stateDir: string): PartialConfig {
  const own: PartialConfig = {
    ...{ version: formatVersion, vehicle: unit.id, fleet: unit.fleet, broker: unit.broker },
    ...(unit.run !== undefined && { run: unit.run }),
    ...{ stateDir, caFile: join(folder, 'ca.pem'), certFile: join(folder, 'tls.pem') },
    ...{ keyFile: join(folder, 'tls.key.pem'), privateKeyFile: join(folder, 'signing.key.pem') },
    rootKeyFile: join(folder, 'root.pub.pem'),
    ...(unit.roster && { rosterFile: join(folder, 'roster.json') }),
  }
  const keys: readonly string[] = configKeys('device')
  for (const key of Object.keys(unit.config ?? {})) {
    const why =
      key in own ? 'follows from the unit file itself' : keys.includes(key) ? undefined : 'is none of a device'
    if (why) throw new ExitError('damaged', `the unit file of ${unit.id}: config must not hold ${key}, which ${why}`)
  }
  return { ...unitDefaults(stateDir), ...unit.config, ...own }
}

/** Writes what is not there yet: flash wears out. */
function keep(path: string, content: string, mode: number): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) return
  writeAtomically(path, content, mode)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
