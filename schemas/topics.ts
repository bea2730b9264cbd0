import { validateAnnouncement, validateWant } from './announcement.ts'
import { validateAlarm, validateHealth } from './health.ts'
import { validateAct, validateObs } from './lock-step.ts'
import { validateLog } from './log.ts'
import { validateRun, validateWorld } from './run.ts'
import { validateStatus } from './status.ts'
import { validateTelemetry } from './telemetry.ts'
import { validateAcknowledgement, validateCommandMessage, validateRoster } from './trust.ts'
import type { Validator } from './validator.ts'
import { validateVerdict } from './verdict.ts'

/**
 * A kind of topic: its levels (`{name}` is a parameter), its payload and how it travels. Nothing else in the project
 * spells a topic. `K` names the parameters, `M` is the message: a validated JSON document or, for `binary`, bytes.
 */
export interface Channel<K extends string, M> {
  readonly name: string
  readonly levels: readonly string[]
  /** Per level the name of its parameter. */
  readonly names: readonly (string | undefined)[]
  readonly qos: 0 | 1
  readonly retain: boolean
  /** Payload limit in bytes, checked before anything else. */
  readonly maxBytes: number
  /** Undefined for binary payloads. */
  readonly validate: Validator<M> | undefined
  /** Messages kept while there is no connection, re-sent until acknowledged; 0: the sender's protocol repeats by itself. */
  readonly queue: number
  /** Never set: carries the parameter names in the type. */
  readonly parameters?: K
}

export type Address<K extends string> = Readonly<Record<K, string>>

interface Travel {
  qos?: 0 | 1
  retain?: boolean
  maxBytes?: number
  queue?: number
}

const level = /^\{([a-z]+)\}$/

function channel<const P extends string, M>(
  pattern: P,
  validate: Validator<M> | undefined,
  { qos = 1, retain = false, maxBytes = 8192, queue = 0 }: Travel,
): Channel<ParametersOf<P>, M> {
  const levels = ['tm', 'v1', ...pattern.split('/')]
  const names = levels.map((part) => level.exec(part)?.[1])
  const name = levels.findLast((_, i) => names[i] === undefined) ?? ''
  return { name, levels, names, qos, retain, maxBytes, validate, queue }
}

type ParametersOf<P extends string> = P extends `${string}{${infer K}}${infer Rest}` ? K | ParametersOf<Rest> : never

export const channels = {
  status: channel('{fleet}/v/{vehicle}/status', validateStatus, { retain: true }),
  telemetry: channel('{fleet}/v/{vehicle}/telemetry', validateTelemetry, { qos: 0 }),
  verdict: channel('{fleet}/v/{vehicle}/verdict', validateVerdict, { queue: 512 }),
  log: channel('{fleet}/v/{vehicle}/log', validateLog, { qos: 0, maxBytes: 512 }),
  cmd: channel('{fleet}/v/{vehicle}/cmd/{name}', validateCommandMessage, {}),
  ack: channel('{fleet}/v/{vehicle}/ack/{name}', validateAcknowledgement, { queue: 64 }),
  ann: channel('{fleet}/near/{cell}/{vehicle}/ann', validateAnnouncement, { retain: true, maxBytes: 512 }),
  want: channel('{fleet}/near/{cell}/{vehicle}/want', validateWant, { qos: 0, maxBytes: 512 }),
  params: channel<'{fleet}/near/{cell}/{vehicle}/params', Uint8Array>(
    '{fleet}/near/{cell}/{vehicle}/params',
    undefined,
    { maxBytes: 131_072 },
  ),
  aggregate: channel<'{fleet}/aggregate/params', Uint8Array>('{fleet}/aggregate/params', undefined, {
    maxBytes: 131_072,
  }),
  obs: channel('{fleet}/sim/{run}/{vehicle}/obs', validateObs, { maxBytes: 131_072 }),
  act: channel('{fleet}/sim/{run}/{vehicle}/act', validateAct, { maxBytes: 131_072 }),
  world: channel('{fleet}/sim/{run}/world', validateWorld, { qos: 0, maxBytes: 131_072 }),
  run: channel('{fleet}/sim/{run}/run', validateRun, { retain: true, maxBytes: 32_768 }),
  roster: channel('{fleet}/roster', validateRoster, { retain: true, maxBytes: 1_048_576 }),
  health: channel('{fleet}/ops/health', validateHealth, {}),
  alarm: channel('{fleet}/ops/alarm/{id}', validateAlarm, { retain: true }),
} as const

/** The aggregator takes part in the lock-step under this id and signs the averages with its own key. */
export const aggregatorId = 'aggregator'

/** The largest payload that any channel allows, bytes. */
export const largestPayload = 1_048_576

/** The concrete topic of a channel. Throws when a parameter is missing or not one level of `[A-Za-z0-9_-]{1,23}`. */
export function topicOf<K extends string, M>(channel: Channel<K, M>, address: Address<K>): string {
  return build(channel, address, (name) => {
    throw new Error(`topic ${channel.levels.join('/')} needs {${name}}`)
  })
}

/** The filter that matches a channel where the missing parameters are `+`. */
export function filterOf<K extends string, M>(channel: Channel<K, M>, address: Partial<Address<K>>): string {
  return build(channel, address, () => '+')
}

/** The parameters of a topic if it belongs to the channel. */
export function addressOf<K extends string, M>(channel: Channel<K, M>, topic: string): Address<K> | undefined {
  const levels = topic.split('/')
  if (levels.length !== channel.levels.length) return undefined
  const address: Record<string, string> = {}
  for (const [i, pattern] of channel.levels.entries()) {
    const name = channel.names[i]
    const found = levels[i] ?? ''
    if (name === undefined) {
      if (found !== pattern) return undefined
    } else if (validId.test(found)) address[name] = found
    else return undefined
  }
  return address as Address<K>
}

/** The channel that a topic belongs to, if any. A vehicle lives under the literal `v`, so no id can shadow another branch. */
export function channelOf(topic: string): (typeof channels)[keyof typeof channels] | undefined {
  return Object.values(channels).find(
    (candidate) => addressOf(candidate as Channel<string, unknown>, topic) !== undefined,
  )
}

/** MQTT 3.1.1 filter matching (section 4.7) without `#`, which no channel uses. */
export function filterMatches(filter: string, topic: string): boolean {
  if (filter === topic) return true
  if (!filter.includes('+')) return false
  const wanted = filter.split('/')
  const levels = topic.split('/')
  return wanted.length === levels.length && wanted.every((pattern, i) => pattern === '+' || pattern === levels[i])
}

export const validId = /^[A-Za-z0-9_-]{1,23}$/

function build(
  { levels, names }: { readonly levels: readonly string[]; readonly names: readonly (string | undefined)[] },
  address: Partial<Record<string, string>>,
  missing: (name: string) => string,
): string {
  return levels
    .map((pattern, i) => {
      const name = names[i]
      if (name === undefined) return pattern
      const value = address[name]
      if (value === undefined) return missing(name)
      if (!validId.test(value))
        throw new Error(`{${name}} must match [A-Za-z0-9_-]{1,23}, got ${JSON.stringify(value)}`)
      return value
    })
    .join('/')
}
