import type { Announcement, Want } from '../../schemas/announcement.ts'
import type { Alarm, Health } from '../../schemas/health.ts'
import type { Act, Obs, Observation, Outcome } from '../../schemas/lock-step.ts'
import type { LogMessage } from '../../schemas/log.ts'
import type { RunMessage, WorldMessage } from '../../schemas/run.ts'
import type { Status } from '../../schemas/status.ts'
import { type Telemetry, telemetryOf } from '../../schemas/telemetry.ts'
import type { ChannelName } from '../../schemas/topic-texts.ts'
import type { Acknowledgement, CommandMessage, RosterMessage } from '../../schemas/trust.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import { containerExample } from './params-container.ts'

/** A message as it could be seen on the wire; hashes, keys and signatures are made up. */
export interface Example<M> {
  readonly name: string
  readonly summary: string
  readonly payload: M
}

const version = 1
const own = '4f'.repeat(32)
const peer = 'a7'.repeat(32)
const signature = `${'A'.repeat(86)}==`
const key = `${'B'.repeat(43)}=`

const status: Example<Status>[] = [
  {
    name: 'birth',
    summary: 'a device that takes part in a run',
    payload: {
      ...{ version, state: 'online', boot: 3, connection: 1, software: '0.1.0', engine: 'wasm', policyHash: own },
      ...{
        updates: 12,
        run: 'run1',
        clock: 'synchronised',
        paused: false,
        gateMode: 'theorem1',
        rollbacks: 0,
        notes: [],
      },
    },
  },
  {
    name: 'will',
    summary: 'its connection broke: the broker publishes what it left',
    payload: { version, state: 'offline', boot: 3, connection: 1 },
  },
]

const telemetry: Example<Telemetry>[] = [
  {
    name: 'round',
    summary: 'after a round, at 5 m/s',
    payload: telemetryOf({ speed: 5, epoch: 2, updates: 12, samples: 1_790, return: 0.28, fallbacks: 0, memory: 64 }),
  },
]

const judged = { version, vehicle: 'car01', epoch: 2, step: 500 } as const
const verdict: Example<VerdictMessage>[] = [
  {
    name: 'accepted',
    summary: 'car01 takes 9 % of the policy of car03',
    payload: {
      ...{ ...judged, mode: 'theorem1', estimator: 'exact', accepted: true, reason: 'accepted', alpha: 0.09 },
      ...{ alphaBound: 0.1, policyAdvantage: 0.06, policyAdvantageMean: 0.02, standardError: 0.01, lowerBound: 0.03 },
      ...{ effectiveSampleSize: 101.5, epsilon: 0.4, c: 4.8, fisher: 2.5, kl: 0.01, M: 128, K: 128, gamma: 0.67 },
      ...{ ownHash: own, peerHash: peer, peerId: 'car03', peerBoot: 1, peerSequence: 14 },
    },
  },
  {
    name: 'refused',
    summary: 'a message with a bad signature, refused before anything was judged',
    payload: {
      ...{ ...judged, step: 0, mode: 'wire', accepted: false, reason: 'bad-signature', alpha: 0, ownHash: null },
      ...{ peerHash: null, peerId: 'car05', peerBoot: null, peerSequence: null },
    },
  },
]

const log: Example<LogMessage>[] = [
  {
    name: 'fallback',
    summary: 'the envelope replaced a command',
    payload: { version, level: 'warning', event: 'fallback', text: 'the follow law drives: no observation' },
  },
]

const cmd: Example<CommandMessage>[] = [
  {
    name: 'pause',
    summary: 'to car01, as long as its third boot lasts',
    payload: {
      version,
      body: JSON.stringify({
        ...{ version, fleet: 'demo', vehicle: 'car01', boot: 3, name: 'pause', args: {}, operator: 'ann' },
        ...{ counter: 1_767_268_800_000, expires: null },
      }),
      signature,
    },
  },
]

const asked = { version, operator: 'ann', counter: 1_767_268_800_000 } as const
const ack: Example<Acknowledgement>[] = [
  { name: 'done', summary: 'carried out', payload: { ...asked, result: 'done', reason: 'done' } },
  {
    name: 'refused',
    summary: 'signed for an earlier start of the device',
    payload: { ...asked, result: 'refused', reason: 'wrong-boot', detail: 'boot must be 4, got 3' },
  },
]

const ann: Example<Announcement>[] = [
  {
    name: 'offer',
    summary: 'a policy of 6 inputs, two layers of 64, one action',
    payload: { version, boot: 1, sequence: 14, policyHash: peer, size: 20_000, dims: [6, 64, 64, 1], expires: null },
  },
]

const want: Example<Want>[] = [
  { name: 'again', summary: 'car01 asks', payload: { version, peer: 'car01', hash: peer, round: 2 } },
]

const turn = { version, run: 'run1', epoch: 2, step: 500, seq: 812, session: 'x7' } as const
const observation: Observation = {
  ...{ position: 120, speed: 5, gap: 18, leaderPosition: 143, leaderSpeed: 5.2 },
  ...{ followerGap: 20, followerPosition: 95, followerSpeed: 4.8 },
}
const outcome: Outcome = { reward: 0.28, steps: 40, terminated: false, truncated: false }
const facts = { intervalSteps: 40, stepLength: 0.1, loopLength: 379, speedLimit: 30, accelerationLimit: 3 } as const

const obs: Example<Obs>[] = [
  { name: 'reset', summary: 'an epoch begins', payload: { ...turn, step: 0, kind: 'reset', ...facts } },
  { name: 'decide', summary: 'the held action ended', payload: { ...turn, kind: 'decide', observation, outcome } },
  { name: 'learn', summary: 'the round is over', payload: { ...turn, kind: 'learn', observation, outcome } },
  {
    name: 'mix',
    summary: 'two have learned',
    payload: { ...turn, kind: 'mix', policies: { car01: own, car03: peer } },
  },
  { name: 'end', summary: 'the run is over', payload: { ...turn, kind: 'end' } },
]

const learned = { policyHash: own, samples: 1_790, updates: 12, return: 0.28 } as const
const brief = { peer: 'car03', accepted: true, referred: true, reason: 'accepted' } as const
const act: Example<Act>[] = [
  { name: 'reset', summary: 'ready', payload: { ...turn, step: 0, kind: 'reset', policyHash: own } },
  { name: 'decide', summary: 'keep a gap of 3 s', payload: { ...turn, kind: 'decide', command: { timeGap: 3 } } },
  { name: 'learn', summary: 'updated', payload: { ...turn, kind: 'learn', ...learned } },
  {
    name: 'mix',
    summary: 'one peer considered, one message refused',
    payload: { ...turn, kind: 'mix', policyHash: own, verdicts: [brief], refused: { 'bad-signature': 1 } },
  },
  { name: 'end', summary: 'done', payload: { ...turn, kind: 'end', policyHash: own } },
]

const world: Example<WorldMessage>[] = [
  {
    name: 'two-cars',
    summary: 'a driver behind a learner',
    payload: {
      ...{ version, time: 50 },
      cars: {
        car00: { kind: 'human', s: 95, v: 4.8, braking: false },
        car01: { kind: 'learner', s: 120, v: 5, braking: false },
      },
    },
  },
]

const run: Example<RunMessage>[] = [
  {
    name: 'second-epoch',
    summary: 'one epoch is done',
    payload: {
      ...{ version, network: 'figure-eight', preset: 'flow', setting: 'headway', method: 'gated', seed: 1 },
      ...{ loopLength: 379, epoch: 2, epochs: 200, baseline: { nas: 0.28, meanSpeed: 5.6 }, history: [0.29] },
    },
  },
]

const members = {
  ...{ version, kind: 'roster', fleet: 'demo', number: 2, issued: '2026-01-01T12:00:00.000Z' },
  ...{ devices: { car01: key }, operators: { ann: { key, commands: ['pause', 'resume'] } } },
  revoked: { ids: ['car09'], serials: ['0a1b2c'] },
}
const roster: Example<RosterMessage>[] = [
  {
    name: 'one-car',
    summary: 'one car, one operator, one car put out',
    payload: { version, body: JSON.stringify(members), signature },
  },
]

const health: Example<Health>[] = [
  {
    name: 'one-gone',
    summary: 'one of seven is gone',
    payload: {
      ...{ version, vehicles: 7, online: 6, late: 0, invalid: 0, messagesPerSecond: 210, alarms: { offline: 1 } },
      broker: { connections: 9, refused: { 'topic-forbidden': 2 } },
    },
  },
]
const alarm: Example<Alarm>[] = [
  {
    name: 'offline',
    summary: 'a car is gone',
    payload: {
      ...{ version, kind: 'offline', vehicle: 'car01', since: '2026-01-01T12:00:00.000Z' },
      ...{ text: 'its connection ended without a goodbye', advice: 'Look whether the unit has power and network.' },
    },
  },
]

const params: Example<string>[] = [
  { name: 'smallest', summary: 'a character for each byte', payload: containerExample('car01') },
]
const aggregate: Example<string>[] = [
  { name: 'smallest', summary: 'a character for each byte', payload: containerExample('aggregator') },
]

/** At least one example of every message. */
export const examples = {
  ...{ status, telemetry, verdict, log, cmd, ack, ann, want, params, aggregate, obs, act, world, run, roster },
  ...{ health, alarm },
} satisfies Readonly<Record<ChannelName, readonly Example<unknown>[]>>
