import type { Config } from '../schemas/config.ts'
import type { Command, Observation } from '../schemas/lock-step.ts'
import type { Reason } from '../schemas/reason.ts'
import type { Setting } from '../schemas/setting.ts'
import { telemetryOf } from '../schemas/telemetry.ts'
import { aggregatorId, channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { type Agent, createAgent } from './agent.ts'
import type { Bus } from './bus/bus.ts'
import type { CheckpointStore } from './checkpoint.ts'
import type { Engine } from './core/engine.ts'
import { type DeviceState, restoreParts, stateOf } from './device-state.ts'
import { commandLimits, createFeatures, type Features, featureNames } from './features.ts'
import { policyHash as hashOf, type Identity } from './identity.ts'
import type { Round, Start, VehicleHandlers, VehicleIo } from './io.ts'
import { createLog } from './log.ts'
import { createMailbox } from './mailbox.ts'
import { methods, observedMethod } from './methods/index.ts'
import type { Finding, OnConsidered } from './methods/method.ts'
import { createMixer } from './mixer.ts'
import { createOffer } from './offer.ts'
import type { Kind } from './params.ts'
import type { DecodeParams } from './params-decoding.ts'
import { permit } from './safety/envelope.ts'
import { maxNotes, offlineStatus, onlineStatus } from './status.ts'

export interface DeviceOptions {
  readonly config: Config
  readonly setting: Setting
  readonly vehicle: string
  readonly bus: Bus
  readonly io: VehicleIo
  readonly engine: Engine
  readonly identity: Identity
  /** Persisted counter of starts. */
  readonly boot: number
  readonly software: string
  readonly store?: CheckpointStore
  /** Monotonic milliseconds; no run depends on it. */
  readonly now: () => number
  /** ISO 8601; informative. */
  readonly wallClock: () => string
  /** Told at the end of a run; writes the policy file. */
  readonly onEnd?: (policy: Float32Array) => void
  /** Called between the steps of learning: where it gives a promise, learning waits for it. */
  readonly pause?: () => Promise<void> | undefined
  /** How parameter messages are decoded; devices of one process can share the work. */
  readonly decode?: DecodeParams
  /**
   * What peers are sent in place of the agent's policy: a bad peer. For experiments only (sim-bridge/experiment): no key of the
   * configuration leads here and no command passes it, so that no configured device can be made to send something else.
   */
  readonly publishes?: (agent: Agent) => Promise<Float32Array>
  /** Told what the method made of each peer's policy. */
  readonly onConsidered?: OnConsidered
  /** Resident memory in MiB, for telemetry. */
  readonly residentMemory?: () => number | undefined
}

export interface Device {
  readonly agent: Agent
  readonly policyHash: string
  /** Drives what waits for time: asking again for missing parameters, giving them up. Call it a few times a second. */
  tick(): void
  /** Gives up what is under way, so that the process can end. */
  stop(): void
  /** Puts trouble of what is around the device into its status and its log. */
  note(event: string, text: string): void
  /** All that it holds, taken while neither learning nor mixing is under way; and a device of such a state. */
  state(): DeviceState
  restore(state: DeviceState): void
  /** The will of this device's connection number `connection`. */
  offline(connection: number): { version: 1; state: 'offline'; boot: number; connection: number }
}

/** A unit that acts, learns, publishes its policy and considers others'. Owns no clock, socket or timer. */
export function createDevice(options: DeviceOptions): Device {
  const { config, setting, vehicle, bus, engine, identity, boot, store, now, wallClock } = options
  const { fleet, cell } = config
  const method = observedMethod(methods[config.method], options.onConsidered)
  const agent = createAgent(engine, { ...config, ...setting, vehicle, adamEpsilon: 1e-5 })
  const notes: string[] = []
  const loaded = store?.load()
  if (loaded?.state) agent.restore(loaded.state)
  notes.push(...(loaded?.notes ?? []))

  let features: Features | undefined
  let limits = commandLimits(setting, config.preset, 0)
  let start: Start | undefined
  const counts = { lastReturn: 0, fallbacks: 0 }
  const row = new Float32Array(engine.architecture.observationSize)

  const kind: Kind = { architecture: engine.architecture, ...featureNames(setting) }
  const offer = createOffer({ bus, fleet, cell, vehicle, boot, kind, identity, now, wallClock })

  const log = createLog((message) => bus.publish(channels.log, { fleet, vehicle }, message), now)

  const note = (event: string, text: string): void => {
    if (notes.length >= maxNotes) notes.shift()
    notes.push(text)
    log('error', event, text)
    publishStatus()
  }

  /** A full or broken disk must not stop the car: the device goes on and its status says so. */
  const save = (): void => {
    try {
      store?.save(agent.state())
    } catch (error) {
      note('checkpoint', `checkpoint was not written: ${(error as Error).message}`)
    }
  }

  const publishVerdict = (finding: Finding, at: { epoch: number; step: number }): void => {
    const { epoch, step } = at
    bus.publish(channels.verdict, { fleet, vehicle }, { version: formatVersion, vehicle, epoch, step, ...finding })
  }

  const mailbox = createMailbox(fleet, kind, identity, { decode: options.decode })
  const mixer = createMixer({
    ...{ vehicle, agent, method, config, mailbox, now, publishVerdict },
    ask(peer, wanted, round) {
      const want = { version: formatVersion, peer: vehicle, hash: wanted, round } as const
      bus.publish(channels.want, { fleet, cell, vehicle: peer }, want)
    },
  })

  const publishStatus = (): void => {
    const { policyHash, updates } = agent
    const unit = { boot, connection: bus.connections, software: options.software, engine: engine.id }
    const told = { ...unit, policyHash, updates }
    bus.publish(channels.status, { fleet, vehicle }, onlineStatus(told, notes))
  }

  const closeHeld = (observation: Observation, outcome: Parameters<Agent['close']>[0]): void => {
    features?.encode(observation, row)
    // What a broken sensor says must not reach the learner: one NaN would spoil the advantages of the whole round.
    if (!(row.every(Number.isFinite) && Number.isFinite(outcome.reward))) agent.release()
    agent.close(outcome, outcome.steps * (start?.stepLength ?? 0), row)
  }

  const propose = (observation: Observation): Command | undefined => {
    if (!features) return undefined
    features.encode(observation, row)
    return row.every(Number.isFinite) ? features.command(...agent.act(row)) : undefined
  }

  const learned = ({ policyHash, samples, updates } = agent) => {
    return { policyHash, samples, updates, return: counts.lastReturn }
  }

  const begin = (next: Start): void => {
    start = next
    features = createFeatures(setting, { preset: config.preset, ...next })
    limits = commandLimits(setting, config.preset, next.accelerationLimit)
  }

  const handlers: VehicleHandlers = {
    reset(next) {
      begin(next)
      agent.startEpoch(next.epoch)
      mixer.startEpoch(agent.discount(next.intervalSteps * next.stepLength))
      return agent.policyHash
    },

    decide(observation, outcome) {
      if (outcome && observation) closeHeld(observation, outcome)
      const { command, fallback } = permit(observation && propose(observation), observation, limits)
      if (fallback === undefined) return { command }
      agent.release()
      counts.fallbacks++
      log('warning', 'fallback', `the follow law drives: ${fallback}`)
      return { command, fallback }
    },

    async learn(at, closing) {
      if (closing) closeHeld(closing.observation, closing.outcome)
      const learning = agent.startLearning()
      while (learning.step()) {
        const pause = options.pause?.()
        if (pause) await pause
      }
      const { meanReward } = learning
      if (learning.givenUp) return learned()
      if (Number.isFinite(meanReward)) counts.lastReturn = meanReward
      save()
      const policy = options.publishes ? await options.publishes(agent) : agent.policy
      const hash = options.publishes ? hashOf(policy) : agent.policyHash
      offer.renew(policy, hash, agent.updates)
      const memory = options.residentMemory?.()
      const { lastReturn, fallbacks } = counts
      const totals = { updates: agent.updates, samples: agent.samples, fallbacks, memory }
      const told = { speed: closing?.observation.speed ?? 0, epoch: at.epoch, return: lastReturn, ...totals }
      bus.publish(channels.telemetry, { fleet, vehicle }, telemetryOf(told))
      return { ...learned(), policyHash: hash }
    },

    async mix(round: Round) {
      const mixed = await mixer.mix(round)
      save()
      publishStatus()
      return { policyHash: agent.policyHash, ...mixed }
    },

    end() {
      agent.giveUp()
      save()
      options.onEnd?.(agent.policy)
      return agent.policyHash
    },
  }

  const refused = (reason: Reason, peer: string): void => mixer.refused(reason, peer, start?.epoch ?? 0)
  if (method.source === 'peers' || method.source === 'round')
    bus.subscribe(channels.params, { fleet, cell }, (bytes, { vehicle: sender }) => {
      if (sender !== vehicle) mixer.receive(bytes, sender, start?.epoch ?? 0)
    })
  if (method.source === 'aggregate')
    bus.subscribe(channels.aggregate, { fleet }, (bytes) => mixer.receive(bytes, aggregatorId, start?.epoch ?? 0))
  bus.onRefused(({ channel, address, reason }) => {
    if (channel === 'params') refused(reason, address.vehicle ?? '')
  })
  options.io.start(handlers)
  bus.onConnected(() => {
    mixer.waitAnew()
    publishStatus()
    for (const note of loaded?.notes ?? []) log('warning', 'checkpoint', note)
    offer.publish()
  })

  const parts = { agent, mailbox, mixer, offer, log, counts, notes }
  return {
    agent,
    note,
    state: () => stateOf(parts, start),
    restore(state) {
      restoreParts(parts, state)
      if (state.start) begin(state.start)
    },
    get policyHash() {
      return agent.policyHash
    },
    tick() {
      if (bus.connected) mixer.tick()
    },
    stop: agent.giveUp,
    offline: (connection) => offlineStatus(boot, connection),
  }
}
