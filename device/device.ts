import type { Command, Observation } from '../schemas/lock-step.ts'
import type { Reason } from '../schemas/reason.ts'
import { aggregatorId, channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { type Agent, createAgent } from './agent.ts'
import { createClock } from './clock.ts'
import { createCommandDesk } from './command-desk.ts'
import { ADAM_EPSILON } from './core/adam.ts'
import { isFinite32 } from './core/finite.ts'
import type { DeviceOptions } from './device-options.ts'
import { type DeviceState, restoreParts, stateOf } from './device-state.ts'
import { commandLimits, createFeatures, type Features, featureNames } from './features.ts'
import { policyHash as hashOf } from './identity.ts'
import type { Round, Start, VehicleHandlers } from './io.ts'
import { createJournal } from './journal.ts'
import { createLastGood } from './last-good.ts'
import { createLog } from './log.ts'
import { createMailbox } from './mailbox.ts'
import { createMixer } from './mixer.ts'
import { createOffer } from './offer.ts'
import { createStanding } from './orders.ts'
import type { Kind } from './params.ts'
import { permit } from './safety/envelope.ts'
import { offlineStatus } from './status.ts'

export interface Device {
  readonly agent: Agent
  readonly policyHash: string
  /** Drives what waits for time: asking again for missing parameters, giving them up. Call it a few times a second. */
  tick(): void
  /** The state of the wall clock, or what became of an update, is another one: the status says so. */
  surroundingsChanged(): void
  /** Gives up what is under way and keeps what was learned, so that the process can end. */
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
  const agent = createAgent(engine, { ...config, ...setting, vehicle, adamEpsilon: ADAM_EPSILON })
  const lastGood = createLastGood(agent, config)
  const loaded = store?.load()
  if (loaded?.state) agent.restore(loaded.state)
  if (loaded?.state?.lastGood) lastGood?.restore(loaded.state.lastGood)

  let features: Features | undefined
  let limits = commandLimits(setting, config.preset, 0)
  let start: Start | undefined
  const counts = { lastReturn: 0, fallbacks: 0, speed: 0 }
  /** Parameters that an update has begun to change are no checkpoint: the one before is. */
  let updating = false
  const row = new Float32Array(engine.architecture.observationSize)

  const kind: Kind = { architecture: engine.architecture, ...featureNames(setting) }
  const offer = createOffer({
    ...{ bus, fleet, cell, vehicle, boot, kind, identity, now, wallClock, onSealed: options.messages?.onSealed },
  })
  const log = createLog((message) => bus.publish(channels.log, { fleet, vehicle }, message), now)

  const { clock = createClock(() => Number.NaN), commands, onConsidered, software } = options
  const standing = createStanding({ config, commands, lastGood, onConsidered })
  const { source } = standing.judging().method
  const journal = createJournal({
    ...{ config, vehicle, boot, software, bus, agent, store, log, clock, standing, lastGood },
    vitals: options.vitals ?? (() => ({})),
    lastUpdate: options.lastUpdate ?? (() => undefined),
    standingNotes: () => desk?.notes() ?? [],
  })
  const { save, publishStatus } = journal
  for (const note of [...(loaded?.notes ?? []), ...(commands?.notes ?? [])]) journal.note(note)
  const desk =
    commands &&
    createCommandDesk({
      ...{ bus, fleet, vehicle, boot, now, log, clock, operators: commands.operators, execute: standing.execute },
      executed({ name }) {
        if (name === 'rollback') save()
        publishStatus()
      },
      wantsClock: publishStatus,
    })

  const mailbox = createMailbox(fleet, kind, identity, { decode: options.messages?.decode })
  const mixer = createMixer({
    ...{ vehicle, agent, judging: standing.judging, mailbox, now, publishVerdict: journal.publishVerdict },
    ask(peer, wanted, round) {
      const want = { version: formatVersion, peer: vehicle, hash: wanted, round } as const
      bus.publish(channels.want, { fleet, cell, vehicle: peer }, want)
    },
  })

  const notice = ({ speed }: Observation): void => {
    if (Number.isFinite(speed)) counts.speed = speed
  }

  const closeHeld = (observation: Observation, outcome: Parameters<Agent['close']>[0]): void => {
    features?.encode(observation, row)
    // What a broken sensor says must not reach the learner: one NaN would spoil the advantages of the whole round.
    if (!(isFinite32(row, row.length) && Number.isFinite(outcome.reward))) agent.release()
    agent.close(outcome, outcome.steps * (start?.stepLength ?? 0), row)
  }

  const propose = (observation: Observation): Command | undefined => {
    if (!features) return undefined
    features.encode(observation, row)
    if (!isFinite32(row, row.length)) return undefined
    const command = features.command(...agent.act(row))
    // What is driven while learning rests is no sample: it would fill the memory.
    if (standing.paused) agent.release()
    return command
  }

  /** Learns from the round; false where that was overtaken by a new epoch or an end. */
  const update = async (): Promise<boolean> => {
    if (standing.paused) return true
    const learning = agent.startLearning()
    const generation = lastGood?.generation
    updating = true
    while (learning.step()) {
      const pause = options.pause?.()
      if (pause) await pause
    }
    updating = false
    if (learning.givenUp) return lastGood?.generation !== generation
    const { meanReward } = learning
    if (Number.isFinite(meanReward)) counts.lastReturn = meanReward
    journal.rolledBack(lastGood?.learned(meanReward))
    return true
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
      if (observation) notice(observation)
      if (outcome && observation) closeHeld(observation, outcome)
      const { command, fallback } = permit(observation && propose(observation), observation, limits)
      if (fallback === undefined) return { command }
      agent.release()
      counts.fallbacks++
      log('warning', 'fallback', `the follow law drives: ${fallback}`)
      return { command, fallback }
    },

    async learn(at, closing) {
      if (closing) {
        notice(closing.observation)
        closeHeld(closing.observation, closing.outcome)
      }
      if (!(await update())) return learned()
      save()
      const policy = options.publishes ? await options.publishes(agent) : agent.policy
      const hash = options.publishes ? hashOf(policy) : agent.policyHash
      offer.renew(policy, hash, agent.updates)
      const { lastReturn, fallbacks, speed } = counts
      journal.publishTelemetry({ speed, ...at, return: lastReturn, fallbacks })
      return { ...learned(), policyHash: hash }
    },

    async mix(round: Round) {
      const rests = standing.paused || lastGood?.resting
      const { note, ...mixed } = await mixer.mix(rests ? { ...round, policies: {}, aggregate: undefined } : round)
      lastGood?.mixed(mixed.verdicts.flatMap(({ accepted, peer }) => (accepted ? [peer] : [])))
      save()
      publishStatus()
      return { policyHash: agent.policyHash, ...mixed, ...standing.noted(note) }
    },

    end() {
      agent.giveUp()
      save()
      options.onEnd?.(agent.policy)
      return agent.policyHash
    },
  }

  const refused = (reason: Reason, peer: string): void => mixer.refused(reason, peer, start?.epoch ?? 0)
  if (source === 'peers' || source === 'round')
    bus.subscribe(channels.params, { fleet, cell }, (bytes, { vehicle: sender }) => {
      if (sender !== vehicle) mixer.receive(bytes, sender, start?.epoch ?? 0)
    })
  if (source === 'aggregate')
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

  const parts = { agent, mailbox, mixer, offer, log, counts, journal, standing, lastGood, desk }
  return {
    agent,
    note: journal.trouble,
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
    surroundingsChanged: publishStatus,
    stop() {
      if (!updating) save()
      agent.giveUp()
    },
    offline: (connection) => offlineStatus(boot, connection),
  }
}
