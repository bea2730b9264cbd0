import type { FromSchema } from 'json-schema-to-ts'
import { gateProperties } from './config-gate.ts'
import { hilProperties } from './config-hil.ts'
import { learningProperties } from './config-learning.ts'
import { methodProperties } from './config-methods.ts'
import { monitorProperties } from './config-monitor.ts'
import { recorderProperties } from './config-recorder.ts'
import { serveProperties } from './config-serve.ts'
import { settingProperties } from './config-setting.ts'
import { timingProperties } from './config-timing.ts'
import { trustProperties } from './config-trust.ts'
import { unitProperties } from './config-unit.ts'
import { worldProperties } from './config-world.ts'
import { type Validator, validatorOf } from './validator.ts'

/**
 * Every setting of the project, with unit and default. Sources in rising order: this default, the configuration file,
 * `TRUSTMIX_…` in the environment, flags. `for` says which commands read it.
 */
export const configSchema = {
  $id: 'config',
  type: 'object',
  additionalProperties: false,
  properties: {
    version: { const: 1 },
    // what is run
    seed: {
      type: 'integer',
      minimum: 0,
      maximum: 4294967295,
      default: 1,
      description: 'seed of every random stream of the run',
      for: ['fleet', 'device', 'sim-bridge'],
    },
    epochs: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 200,
      description: 'epochs of 150 simulated seconds',
      for: ['fleet', 'sim-bridge'],
    },
    ...worldProperties,
    ...settingProperties,
    ...methodProperties,
    ...timingProperties,
    ...hilProperties,
    // who and where
    fleet: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{1,23}$',
      default: 'demo',
      description: 'id of the fleet, first level of its topics',
      for: ['fleet', 'device', 'broker', 'sim-bridge', 'command', 'monitor'],
    },
    vehicle: {
      type: ['string', 'null'],
      pattern: '^[A-Za-z0-9_-]{1,23}$',
      default: null,
      description: 'id of this vehicle',
      for: ['device'],
    },
    cell: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{1,23}$',
      default: 'all',
      description: 'cell whose vehicles are nearby',
      for: ['device', 'broker'],
    },
    run: {
      type: ['string', 'null'],
      pattern: '^[A-Za-z0-9_-]{1,23}$',
      default: null,
      description: 'id of the run to take part in',
      for: ['device', 'sim-bridge', 'broker'],
    },
    broker: {
      type: ['string', 'null'],
      pattern: '^(mqtts?://[^/?#]+/?|wss://[^/?#]+(/[A-Za-z0-9_/-]*)?)$',
      default: null,
      description: 'broker to use, mqtt://, mqtts:// or wss://host:port (fleet: its own if absent)',
      for: ['fleet', 'device', 'sim-bridge', 'command', 'monitor'],
    },
    username: {
      type: ['string', 'null'],
      default: null,
      description: 'user name at the broker',
      for: ['device', 'sim-bridge', 'broker', 'command', 'monitor'],
    },
    passwordFile: {
      type: ['string', 'null'],
      default: null,
      description: 'file that holds the password',
      for: ['device', 'sim-bridge', 'broker', 'command', 'monitor'],
    },
    privateKeyFile: {
      type: ['string', 'null'],
      default: null,
      description: 'Ed25519 key (PKCS#8, PEM) that signs parameters',
      for: ['device', 'broker'],
    },
    publicKeysFile: {
      type: ['string', 'null'],
      default: null,
      description: 'JSON map of vehicle id to Ed25519 public key (base64)',
      for: ['device', 'broker'],
    },
    ...trustProperties,
    usersFile: {
      type: ['string', 'null'],
      default: null,
      description: 'JSON map of user name to role, id and password',
      for: ['broker'],
    },
    ...serveProperties,
    ...monitorProperties,
    host: {
      type: 'string',
      default: '127.0.0.1',
      description: 'address to listen on (sim-bridge: with --serve)',
      for: ['broker', 'sim-bridge'],
    },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 0,
      description: 'port to listen on (fleet: of its own broker; sim-bridge: with --serve); 0: any free one',
      for: ['broker', 'fleet', 'sim-bridge'],
    },
    aggregator: {
      enum: ['none', 'beside', 'only'],
      default: 'none',
      description: 'run the averaging server beside the broker, or only it against --broker',
      for: ['broker'],
    },
    runDir: {
      type: ['string', 'null'],
      default: null,
      description: 'directory of the run (default: runs/<time>-<method>-seed<n>-<hex>)',
      for: ['fleet', 'sim-bridge'],
    },
    resume: {
      type: ['string', 'null'],
      default: null,
      description: 'directory of an interrupted run to go on with',
      for: ['fleet', 'sim-bridge'],
    },
    stateDir: {
      type: ['string', 'null'],
      default: null,
      description: 'directory of checkpoints and the boot counter',
      for: ['device', 'broker'],
    },
    policyFile: {
      type: ['string', 'null'],
      default: null,
      description: 'file that receives the policy at the end of a run',
      for: ['device'],
    },
    ...recorderProperties,
    ...learningProperties,
    ...gateProperties,
    ...unitProperties,
    // waiting
    answerTimeoutMs: {
      type: 'integer',
      minimum: 100,
      maximum: 3600000,
      default: 30000,
      unit: 'ms',
      description: 'a device that answers later leaves the barrier',
      for: ['fleet', 'sim-bridge'],
    },
    missingAfterMs: {
      type: 'integer',
      minimum: 100,
      maximum: 3600000,
      default: 10000,
      unit: 'ms',
      description: 'a listed peer whose parameters do not come is missing',
      for: ['fleet', 'device'],
    },
    maxBackoffMs: {
      type: 'integer',
      minimum: 100,
      maximum: 3600000,
      default: 60000,
      unit: 'ms',
      description: 'cap of the reconnect back-off',
      for: ['device', 'sim-bridge', 'broker', 'monitor'],
    },
    connectTimeoutMs: {
      type: 'integer',
      minimum: 100,
      maximum: 3600000,
      default: 10000,
      unit: 'ms',
      description: 'time for the first connection to the broker',
      for: ['fleet', 'device', 'sim-bridge', 'broker', 'command', 'monitor'],
    },
  },
} as const

export type Config = Required<FromSchema<typeof configSchema>>
/** A source of configuration: any part of it. */
export type PartialConfig = Partial<Config>
export const validateConfig = validatorOf(configSchema) as unknown as Validator<PartialConfig>

export type ConfigKey = Exclude<keyof typeof configSchema.properties, 'version'>

/** The keys that a command reads, in the schema's order. */
export function configKeys(command: string): ConfigKey[] {
  const like = Object.hasOwn(alike, command) ? alike[command] : undefined
  const reads = (key: string, commands: readonly string[]): boolean => {
    if (commands.includes(command) || like?.also.includes(key)) return true
    return like !== undefined && commands.includes(like.command) && !like.without.includes(key)
  }
  return Object.entries(configSchema.properties)
    .filter(([key, property]) => 'for' in property && reads(key, property.for))
    .map(([key]) => key as ConfigKey)
}

interface Alike {
  readonly command: string
  readonly without: readonly string[]
  readonly also: readonly string[]
}

/** Commands that read what another one does, but for some keys, and some more. */
const alike: Readonly<Record<string, Alike>> = {
  hil: {
    command: 'fleet',
    without: ['realtime', 'resume'],
    also: ['vehicle', 'run', 'username', 'passwordFile', 'host', 'maxBackoffMs', 'caFile', 'certFile', 'keyFile'],
  },
}

/** All defaults. */
export const defaultConfig: Config = Object.fromEntries([
  ['version', 1],
  ...Object.entries(configSchema.properties).flatMap(([key, p]) => ('default' in p ? [[key, p.default]] : [])),
]) as unknown as Config
