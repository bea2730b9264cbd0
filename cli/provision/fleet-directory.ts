import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { makeDirectory } from '../../device/directory.ts'
import { ExitError } from '../../schemas/exit.ts'
import { type Registry, validateRegistry } from '../../schemas/fleet-registry.ts'
import { type RosterMessage, validateRoster } from '../../schemas/trust.ts'
import { formatVersion, type Validator } from '../../schemas/validator.ts'
import { type CertificateMaker, newTlsKey } from './x509.ts'

/** Where a fleet's keys and its list of members lie. It belongs on a machine of its own: never on a broker or a board. */
export interface FleetDirectory {
  readonly path: string
  /** A file of the directory. */
  file(...names: string[]): string
  registry(): Registry
  /** The fleet root's public key, 32 raw bytes in base64. */
  readonly rootKey: string
  /** The authority's certificate. */
  readonly authority: string
  /** The newest signed roster. */
  roster(): RosterMessage
  write(name: string, content: string, mode?: number): void
}

/** The private keys of a fleet, in memory only. */
export interface FleetKeys {
  readonly root: KeyObject
  readonly authority: { readonly key: KeyObject; readonly certificate: string }
}

const days = 86_400_000
/** Validity of the authority's certificate: longer than the life of a board. */
const authorityDays = 36_525

/**
 * Makes the directory of a new fleet: root key, authority, an empty list. Keys are PKCS#8, encrypted with the passphrase
 * unless it is undefined, readable by the owner only. ExitError 2 where there is a fleet already.
 */
export async function createFleetDirectory(
  path: string,
  fleet: string,
  passphrase: string | undefined,
  maker: CertificateMaker,
  now: Date,
): Promise<FleetDirectory> {
  const file = (name: string): string => join(resolve(path), name)
  for (const name of ['fleet.json', 'root.key.pem', 'ca.key.pem'])
    if (existsSync(file(name))) throw new ExitError('usage', `${path} must be new, but has ${name}`)
  makeDirectory(resolve(path), 0o700)
  const root = generateKeyPairSync('ed25519').privateKey
  const authority = newTlsKey()
  const pem = (key: KeyObject): string =>
    key.export({
      ...{ type: 'pkcs8', format: 'pem' },
      ...(passphrase !== undefined && { cipher: 'aes-256-cbc', passphrase }),
    } as { type: 'pkcs8'; format: 'pem' }) as string
  writeAtomically(file('root.key.pem'), pem(root), 0o600)
  writeAtomically(file('ca.key.pem'), pem(authority), 0o600)
  writeAtomically(file('root.pub.pem'), createPublicKey(root).export({ type: 'spki', format: 'pem' }))
  const notAfter = new Date(now.getTime() + authorityDays * days)
  writeAtomically(file('ca.pem'), await maker.authority(fleet, authority, notAfter))
  const registry: Registry = { version: formatVersion, fleet, number: 0, members: [], tokens: [] }
  // Last: what has no fleet.json is no fleet.
  writeAtomically(file('fleet.json'), `${JSON.stringify(registry, null, 2)}\n`, 0o600)
  return openFleetDirectory(path)
}

/** Opens a fleet's directory; ExitError 2 where there is none, 4 where it is damaged. */
export function openFleetDirectory(path: string): FleetDirectory {
  const file = (...names: string[]): string => join(resolve(path), ...names)
  if (!existsSync(file('fleet.json')))
    throw new ExitError(
      'usage',
      `${path} must be a fleet's directory (trustmix provision fleet), but has no fleet.json`,
    )
  return {
    path,
    file,
    registry: () => readDocument(file('fleet.json'), validateRegistry),
    rootKey: publicKeyIn(file('root.pub.pem')),
    authority: readFileSync(file('ca.pem'), 'utf8'),
    roster: () => readDocument(file('roster.json'), validateRoster),
    write: (name, content, mode) => writeAtomically(file(name), content, mode),
  }
}

/** Decrypts the fleet's keys; ExitError 2 for a wrong passphrase. */
export function openFleetKeys(directory: FleetDirectory, passphrase: () => Promise<string>): Promise<FleetKeys> {
  const read = (name: string): string => readFileSync(directory.file(name), 'utf8')
  const [root, authority] = [read('root.key.pem'), read('ca.key.pem')]
  const encrypted = [root, authority].some((pem) => pem.includes('ENCRYPTED'))
  return (encrypted ? passphrase() : Promise.resolve('')).then((secret) => {
    const open = (pem: string): KeyObject => {
      try {
        return createPrivateKey({ key: pem, passphrase: secret })
      } catch {
        throw new ExitError('usage', `the passphrase must be that of the keys in ${directory.path}, got another one`)
      }
    }
    return { root: open(root), authority: { key: open(authority), certificate: directory.authority } }
  })
}

/** Does work while no other process changes the directory; ExitError 2 where one does, with its number. */
export async function locked<T>(directory: FleetDirectory, work: () => Promise<T>): Promise<T> {
  const lock = directory.file('lock')
  takeLock(lock)
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function takeLock(lock: string): void {
  try {
    const descriptor = openSync(lock, 'wx', 0o600)
    writeSync(descriptor, String(process.pid))
    closeSync(descriptor)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new ExitError('usage', (error as Error).message)
    const owner = Number(readFileSync(lock, 'utf8'))
    if (isAlive(owner))
      throw new ExitError('usage', `process ${owner} is changing this fleet; try again when it is done`)
    rmSync(lock, { force: true })
    takeLock(lock)
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function publicKeyIn(path: string): string {
  try {
    const spki = createPublicKey(readFileSync(path)).export({ type: 'spki', format: 'der' })
    return spki.subarray(spki.length - 32).toString('base64')
  } catch (error) {
    throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
  }
}

function readDocument<T>(path: string, validate: Validator<T>): T {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
  }
  const validated = validate(value)
  if (!validated.ok) throw new ExitError('damaged', `${path}: ${validated.detail}`)
  return validated.value
}
