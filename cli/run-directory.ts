import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { forgetCheckpoints, writeAtomically } from '../device/checkpoint.ts'
import { makeDirectory } from '../device/directory.ts'
import { rawPublicKey } from '../device/identity.ts'
import { commandNames } from '../schemas/command.ts'
import { type Config, defaultConfig, validateConfig } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { type Report, validateReport } from '../schemas/report.ts'
import { type Summary, validateSummary } from '../schemas/summary.ts'
import { aggregatorId } from '../schemas/topics.ts'
import { formatVersion, type Validator } from '../schemas/validator.ts'

/** Where everything of a run lies. Secrets are readable by the owner only. */
export interface RunDirectory {
  readonly path: string
  /** Writes the configuration file of one process and returns its path. */
  processConfig(name: string, config: Partial<Config>): string
  secret(name: string): string
  readonly policies: string
  state(vehicle: string): string
  /** Who may command the vehicles; null in a directory of a version that had no commands. */
  readonly operators: string | null
}

/**
 * Opens the directory of a run, makes one Ed25519 key per vehicle and one password per process where there are none yet,
 * unless a directory of keys is given. ExitError 2 where the directory holds another run, or that of the keys none.
 */
export function openRunDirectory(config: Config, vehicles: readonly string[], bridgeId: string): RunDirectory {
  const path = resolve(config.resume ?? config.runDir ?? join('runs', defaultName(config)))
  if (config.resume === null && existsSync(join(path, 'summary.json')))
    throw new ExitError('usage', `${path} holds a run already; name another --run-dir or go on with --resume`)
  try {
    if (config.keys === null) makeDirectory(join(path, 'secrets'), 0o700)
    // Checkpoints of a run that did not finish one epoch are not where its seed starts.
    if (!existsSync(join(path, 'summary.json'))) for (const id of vehicles) forgetCheckpoints(join(path, 'state', id))
  } catch (error) {
    throw new ExitError('usage', `--run-dir must be writable: ${(error as Error).message}`)
  }
  const secrets = resolve(config.keys ?? join(path, 'secrets'))
  const secret = (name: string): string => join(secrets, name)
  if (!existsSync(secret('public-keys.json'))) {
    if (config.keys !== null) throw new ExitError('usage', `--keys must hold public-keys.json, got ${config.keys}`)
    makeSecrets(secret, vehicles, bridgeId)
  }
  return {
    path,
    secret,
    policies: join(path, 'policies'),
    state: (vehicle) => join(path, 'state', vehicle),
    operators: existsSync(secret('operators.json')) ? secret('operators.json') : null,
    processConfig(name, values) {
      const file = join(path, 'processes', `${name}.json`)
      writeAtomically(file, `${JSON.stringify({ version: formatVersion, ...values }, null, 2)}\n`)
      return file
    },
  }
}

/** The configuration that an interrupted run was started with. */
export function readResumedConfig(directory: string): Config {
  const path = join(directory, 'config.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', `--resume needs the directory of a run: ${(error as Error).message}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ExitError('damaged', `${path} must be JSON: ${(error as Error).message}`)
  }
  const validated = validateConfig(value)
  if (!validated.ok) throw new ExitError('damaged', `${path}: ${validated.detail}`)
  return { ...defaultConfig, ...validated.value } as Config
}

/** The summary of a run so far; undefined where not one epoch was finished. */
export function readSummary(directory: string): Summary | undefined {
  return readDocument(join(directory, 'summary.json'), validateSummary)
}

/** How a run kept its time; undefined where it does not say. */
export function readReport(directory: string): Report | undefined {
  return readDocument(join(directory, 'report.json'), validateReport)
}

function readDocument<T>(path: string, validate: Validator<T>): T | undefined {
  if (!existsSync(path)) return undefined
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ExitError('damaged', `${path} must be JSON: ${(error as Error).message}`)
  }
  const validated = validate(value)
  if (!validated.ok) throw new ExitError('damaged', `${path}: ${validated.detail}`)
  return validated.value
}

function makeSecrets(secret: (name: string) => string, vehicles: readonly string[], bridgeId: string): void {
  const keys: Record<string, string> = {}
  const roles: Record<string, string> = { [aggregatorId]: 'aggregator', [bridgeId]: 'bridge', [operatorId]: 'operator' }
  const users: Record<string, { role: string; id: string; password: string }> = {}
  for (const id of [...vehicles, aggregatorId, bridgeId, operatorId]) {
    const role = roles[id] ?? 'device'
    const password = randomBytes(24).toString('base64url')
    users[id] = { role, id, password }
    writeAtomically(secret(`${id}.password`), `${password}\n`, 0o600)
    if (role === 'bridge') continue
    const { privateKey } = generateKeyPairSync('ed25519')
    writeAtomically(secret(`${id}.key.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600)
    if (role !== 'operator') keys[id] = rawPublicKey(privateKey)
    else {
      const operators = { [id]: { key: rawPublicKey(privateKey), commands: commandNames } }
      writeAtomically(secret('operators.json'), JSON.stringify({ version: formatVersion, operators }), 0o600)
    }
  }
  writeAtomically(secret('users.json'), JSON.stringify({ version: formatVersion, users }), 0o600)
  writeAtomically(secret('public-keys.json'), JSON.stringify({ version: formatVersion, keys }), 0o600)
}

/** Who may command a fleet that was given no operators. */
const operatorId = 'operator'

function defaultName({ method, seed }: Config): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  return `${time}-${method}-seed${seed}-${randomBytes(2).toString('hex')}`
}
