import { generateKeyPairSync } from 'node:crypto'
import { type Agent, createAgent } from '../../device/agent.ts'
import type { Bus } from '../../device/bus/bus.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { createFeatures } from '../../device/features.ts'
import { createIdentity, type Identity, rawPublicKey } from '../../device/identity.ts'
import type { AgentOptions } from '../../device/learning.ts'
import type { Kind } from '../../device/params.ts'
import { type Config, defaultConfig } from '../../schemas/config.ts'
import type { Observation } from '../../schemas/lock-step.ts'
import { type SettingName, settings } from '../../schemas/setting.ts'
import type { Address, Channel } from '../../schemas/topics.ts'

/** A configuration of small networks, everything else by default. */
export const smallConfig: Config = { ...defaultConfig, hidden: [8, 8], run: 'run1' }

/** What policies of `smallConfig` share. */
export const smallKind: Kind = {
  architecture: { observationSize: 6, actionSize: 1, hidden: [8, 8] },
  ...namesOf('headway'),
}

/** Names and order of observation and action of a setting. */
export function namesOf(setting: SettingName): Pick<Kind, 'observationNames' | 'actionNames'> {
  const scales = { preset: 'flow', loopLength: 1, speedLimit: 1, accelerationLimit: 1 } as const
  const { observationNames, actionNames } = createFeatures(settings[setting], scales)
  return { observationNames, actionNames }
}

/** Fresh Ed25519 keys; every member knows the public keys of all. */
export function createIdentities(vehicles: readonly string[]): (vehicle: string) => Identity {
  const pairs = vehicles.map((id) => [id, generateKeyPairSync('ed25519').privateKey] as const)
  const publicKeys = Object.fromEntries(pairs.map(([id, key]) => [id, rawPublicKey(key)]))
  const identities = new Map(
    pairs.map(([id, key]) => [id, createIdentity(key.export({ type: 'pkcs8', format: 'pem' }) as string, publicKeys)]),
  )
  return (vehicle) => {
    const identity = identities.get(vehicle)
    if (!identity) throw new Error(`vehicle must be one of ${vehicles}, got ${vehicle}`)
    return identity
  }
}

/** A car in free traffic at 5 m/s, 20 m behind its leader. */
export const calm: Observation = {
  position: 100,
  speed: 5,
  gap: 20,
  leaderPosition: 125,
  leaderSpeed: 5,
  followerGap: 20,
  followerPosition: 75,
  followerSpeed: 5,
}

/** All messages of a channel as they come; `until(n)` resolves when the n-th is there. */
export interface Collected<K extends string, M> {
  readonly messages: M[]
  readonly addresses: Address<K>[]
  until(count: number): Promise<void>
}

export function collect<K extends string, M>(
  bus: Bus,
  channel: Channel<K, M>,
  address: Partial<Address<K>>,
): Collected<K, M> {
  const messages: M[] = []
  const addresses: Address<K>[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  bus.subscribe(channel, address, (message, from) => {
    messages.push(message)
    addresses.push(from)
    for (const { count, resolve } of waiting) if (messages.length >= count) resolve()
  })
  return {
    messages,
    addresses,
    until: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve })
        if (messages.length >= count) resolve()
      }),
  }
}

/** A learner of `smallConfig`'s size, on the reference engine. */
export function createSmallAgent(vehicle = 'car01', more: Partial<AgentOptions> = {}): Agent {
  const learning = {
    adamEpsilon: 1e-5,
    gamma: null,
    horizonS: 60,
    lambda: 1,
    returnRounds: 0,
    initialLogStd: 0,
    reuseSamples: 0,
  }
  return createAgent(createReferenceEngine(smallKind.architecture), { ...smallConfig, ...learning, vehicle, ...more })
}

/** Lets an agent act and be paid `count` times, by a rule that only `from` decides; returns the actions. */
export function practise(agent: Agent, count: number, from: number): number[] {
  const row = new Float32Array(6)
  return Array.from({ length: count }, (_, i) => {
    const [action = Number.NaN] = agent.act(row.map((_, j) => Math.fround(((from + i) * (j + 1)) % 7) / 7))
    const outcome = { reward: 0.5 - Math.abs(action) / 4, steps: 10, terminated: false, truncated: false }
    agent.close(outcome, 1 + (i % 3), row.fill((from + i) / 100))
    return action
  })
}
