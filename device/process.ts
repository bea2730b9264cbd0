import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { ClientTls } from './bus/broker-url.ts'
import { createMqttBus, type MqttBus } from './bus/mqtt-bus.ts'
import { type CheckpointStore, createCheckpointStore, writeAtomically } from './checkpoint.ts'
import type { Architecture } from './core/engine.ts'
import { actionCount, featureCount } from './features.ts'
import { createIdentity, type Identity, rawPublicKey } from './identity.ts'
import { sealedSize } from './params.ts'
import { createRosterIdentity } from './trust/roster-identity.ts'
import { createRosterStore, type RosterStore } from './trust/roster-store.ts'

/** What a command gets from the process around it. */
export interface CommandContext {
  readonly software: string
  /** One line for people. */
  readonly print: (line: string) => void
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>
}

/** A bus to the configured broker, with the configured user. */
export function connectBus(
  config: Config,
  clientId: string,
  context: CommandContext,
  will?: Parameters<typeof createMqttBus>[0]['will'],
): MqttBus {
  const password = config.passwordFile === null ? undefined : readText(config.passwordFile).trim()
  return createMqttBus({
    url: required(config, 'broker'),
    clientId,
    maxBackoffMs: config.maxBackoffMs,
    tls: readTls(config),
    ...(config.username !== null && { username: config.username }),
    ...(password !== undefined && { password }),
    ...(will && { will }),
    onTrouble: context.print,
  })
}

/** The id that the own certificate bears, its CN; undefined without a certificate. ExitError 4 for what is none. */
export function certifiedId({ certFile }: Config): string | undefined {
  if (certFile === null) return undefined
  try {
    return /^CN=(.*)$/m.exec(new X509Certificate(readText(certFile)).subject)?.[1]
  } catch (error) {
    if (error instanceof ExitError) throw error
    throw new ExitError('damaged', `${certFile} must be a certificate: ${(error as Error).message}`)
  }
}

/** Waits for the first connection; ExitError 3 when it does not come in time, 130 when the process is asked to stop. */
export async function reach(bus: MqttBus, config: Config, context: CommandContext): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const text = `no connection to the broker ${config.broker} within ${config.connectTimeoutMs} ms`
    timer = setTimeout(() => reject(new ExitError('unreachable', text)), config.connectTimeoutMs)
  })
  const stopped = context.stopped.then(() => {
    throw new ExitError('interrupted', `interrupted before a connection to ${config.broker}`)
  })
  try {
    await Promise.race([bus.ready, late, stopped])
  } finally {
    clearTimeout(timer)
    stopped.catch(() => {})
  }
}

/** The fleet's roster, kept in the state directory; undefined where no root is trusted, as in a run on loopback. */
export function openRosterStore(config: Config, onTrouble: (text: string) => void): RosterStore | undefined {
  const { rootKeyFile, rosterFile, stateDir, fleet } = config
  if (rootKeyFile === null) return undefined
  const rootKey = readRootKey(rootKeyFile)
  const path = stateDir === null ? undefined : join(stateDir, 'roster.json')
  return createRosterStore({ fleet, rootKey, path, initial: rosterFile === null ? [] : [rosterFile], onTrouble })
}

/** Own key, and the fleet's public keys: those of the roster, else those of the file. */
export function readIdentity(config: Config, roster?: RosterStore): Identity {
  const privateKey = readText(required(config, 'privateKeyFile'))
  if (roster) {
    try {
      return createRosterIdentity(privateKey, () => roster.current)
    } catch (error) {
      throw new ExitError('damaged', `${config.privateKeyFile}: ${(error as Error).message}`)
    }
  }
  const keys = parse(required(config, 'publicKeysFile')) as { version?: number; keys?: Record<string, string> }
  if (keys.version !== formatVersion)
    throw new ExitError(
      'damaged',
      `unsupported-version: ${config.publicKeysFile} must have version ${formatVersion}, got ${keys.version}`,
    )
  try {
    return createIdentity(privateKey, keys.keys ?? {})
  } catch (error) {
    throw new ExitError('damaged', (error as Error).message)
  }
}

/** The architecture that the configuration asks for; ExitError 2 where its policy does not fit into a message. */
export function configuredArchitecture(config: Config): Architecture {
  const setting = settingOf(config)
  const { hidden } = config
  const architecture = { observationSize: featureCount(setting), actionSize: actionCount(setting), hidden }
  const size = sealedSize(architecture)
  const { maxBytes } = channels.params
  if (size > maxBytes)
    throw new ExitError(
      'usage',
      `hidden must give a policy of at most ${maxBytes} bytes on the wire, got ${size} with ${config.hidden}`,
    )
  return architecture
}

/** The checkpoints of a configured vehicle, in its state directory. */
export function openCheckpoints(config: Config, engine: string): CheckpointStore {
  const setting = settingOf(config)
  const architecture = configuredArchitecture(config)
  return createCheckpointStore(required(config, 'stateDir'), {
    ...{ vehicle: required(config, 'vehicle'), seed: config.seed, engine },
    // What was learned in a changed setting is not gone on with in another one.
    architecture: JSON.stringify(
      setting.name === setting.base ? architecture : { ...architecture, setting: setting.name },
    ),
  })
}

/** Counts this start durably before anything is sent under it. */
export function nextBoot(stateDir: string): number {
  const boot = lastBoot(stateDir) + 1
  writeAtomically(join(stateDir, 'boot.json'), JSON.stringify({ version: formatVersion, boot }))
  return boot
}

/** Starts so far; ExitError 4 where the counter is damaged. */
export function lastBoot(stateDir: string): number {
  const path = join(stateDir, 'boot.json')
  try {
    const { version, boot } = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown; boot?: unknown }
    if (version !== formatVersion)
      throw new ExitError('damaged', `unsupported-version: ${path} must have version ${formatVersion}, got ${version}`)
    if (!(Number.isSafeInteger(boot) && Number(boot) >= 0))
      throw new ExitError('damaged', `${path}: boot must be a whole number, got ${boot}`)
    return boot as number
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      if (error instanceof ExitError) throw error
      throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
    }
    return 0
  }
}

/** A configuration value that this command cannot do without; ExitError 2. */
export function required<K extends keyof Config>(config: Config, key: K): NonNullable<Config[K]> {
  const value = config[key]
  if (value === null || value === undefined) throw new ExitError('usage', `${key} is needed, got nothing`)
  return value as NonNullable<Config[K]>
}

/** What a client shows of itself, read from the configured files. */
export function readTls({ caFile, certFile, keyFile }: Config): ClientTls {
  return {
    ...(caFile !== null && { ca: readText(caFile) }),
    ...(certFile !== null && { cert: readText(certFile) }),
    ...(keyFile !== null && { key: readText(keyFile) }),
  }
}

function readRootKey(path: string): string {
  const pem = readText(path)
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`must be Ed25519, got ${key.asymmetricKeyType}`)
    return rawPublicKey(key)
  } catch (error) {
    throw new ExitError('damaged', `${path}: ${(error as Error).message}`)
  }
}

/** The text of a configured file; ExitError 2 where it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readText(path))
  } catch (error) {
    if (error instanceof ExitError) throw error
    throw new ExitError('damaged', `${path} must be JSON: ${(error as Error).message}`)
  }
}
