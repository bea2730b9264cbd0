import type { Bus } from '../device/bus/bus.ts'
import { createRng } from '../device/core/rng.ts'
import type { Setting } from '../schemas/setting.ts'
import type { Summary } from '../schemas/summary.ts'
import { channels } from '../schemas/topics.ts'
import { measureBaseline } from './baseline.ts'
import type { BridgeEvent } from './bridge-event.ts'
import { createBroadcast, runMessage } from './broadcast.ts'
import { createDeadline } from './deadline.ts'
import { driveSteps } from './epoch.ts'
import { createLockStep, type LockStep } from './lock-step.ts'
import type { Pace } from './pace.ts'
import { createMeter, latenessOf, type Meter } from './report/meter.ts'
import { createRounds } from './rounds.ts'
import { drawSchedules, scheduleOf } from './schedule.ts'
import { SimulatorLostError } from './simulator.ts'
import { createTally } from './tally.ts'
import type { Recorder } from './trajectory/trajectory.ts'
import type { World } from './world.ts'

export type { BridgeEvent } from './bridge-event.ts'

export interface BridgeOptions {
  readonly world: World
  readonly bus: Bus
  readonly fleet: string
  /** One id per run: whatever carries another one is ignored, retained leftovers included. */
  readonly run: string
  /** One id per bridge, so that devices that stayed from an earlier bridge of the run begin anew (`lock-step.ts`). */
  readonly session?: string
  readonly seed: number
  readonly epochs: number
  readonly network: string
  readonly preset: string
  readonly sim: string
  readonly setting: Setting
  readonly method: string
  /** The aggregator takes part in the lock-step as if it were the vehicle of this id. */
  readonly aggregator?: string
  /** Distance of learning rounds, in steps. */
  readonly roundSteps?: number
  readonly now: () => number
  readonly answerTimeoutMs?: number
  readonly gatherTimeoutMs?: number
  /** Real time; without it the world waits for every answer. */
  readonly pace?: Pace
  /** Clock time that a device has for a decision; without it, in real time, until the step that it is for begins. */
  readonly deadlineMs?: number
  /** Takes the counts of the run; one of its own by default. */
  readonly meter?: Meter
  /** Decision intervals that are not drawn, by vehicle. */
  readonly intervalSteps?: Readonly<Record<string, number>> | undefined
  /** Why the run is not what its seed alone would make of it, known from the start. */
  readonly disturbance?: string
  /** Told before anything of step k of an epoch is asked. */
  readonly onStep?: (epoch: number, k: number) => void
  /** The summary of the interrupted run to go on with. */
  readonly resumed?: Summary
  /** Is told of every step that is driven, the baseline's too. */
  readonly recorder?: Recorder
  readonly onEvent?: (event: BridgeEvent) => void
}

export interface Bridge {
  /** Drives all epochs; resolves with the summary also when stopped early. */
  run(): Promise<Summary>
  /** The summary so far. */
  summary(): Summary
  /** Ends after the present epoch, or at once. */
  stop(when: 'after-epoch' | 'now'): void
  /** Repeats and expires what is outstanding; call it a few times a second. */
  tick(): void
}

/**
 * Couples a world to devices: the bridge owns simulated time. In lock-step it steps only when every live device has
 * answered; with a pace it steps by the clock (`epoch.ts`).
 */
export function createBridge(options: BridgeOptions): Bridge {
  const { world, bus, fleet, run, seed, epochs, setting, pace, roundSteps = 250 } = options
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const schedules = drawSchedules(seed, learners, setting.interval, options.intervalSteps)
  const intervalS = Object.fromEntries(
    learners.map((id) => [id, round(scheduleOf(schedules, id).intervalSteps * world.stepLength)]),
  )
  const tally = createTally({ ...options, setting: setting.name, vehicles: learners, intervalS }, options.resumed)
  const meter = options.meter ?? createMeter({ vehicles: learners, now: options.now })
  const emit = options.onEvent ?? (() => {})
  const participants = options.aggregator === undefined ? learners : [...learners, options.aggregator]
  const lockStep = createLockStep({
    ...{ bus, fleet, run, session: options.session, now: options.now },
    vehicles: participants,
    answerTimeoutMs: options.answerTimeoutMs ?? 30_000,
    observer: meter.observer,
    onLeft(vehicle, cause) {
      if (over) return
      if (stopping !== 'now') {
        tally.disturbed(cause)
        meter.count(vehicle, 'left')
      }
      emit({ kind: 'presence', vehicle, state: 'offline' })
    },
  })
  const rounds = createRounds({ world, lockStep, learners, aggregator: options.aggregator, tally, emit })
  const deadline = createDeadline({ now: options.now, periodMs: pace?.periodMs, deadlineMs: options.deadlineMs })
  const misses = (id: string): number => meter.devices.get(id)?.counts.misses ?? 0
  const broadcast = createBroadcast({ ...options, misses }, worldEveryMs)
  let stopping: 'no' | 'after-epoch' | 'now' = 'no'
  const stopsNow = (): boolean => stopping === 'now'
  let over = false
  let epoch = options.resumed?.epochs.length ?? 0
  const firstEpoch = epoch + 1

  async function driveEpoch(): Promise<boolean> {
    await rounds.idle()
    const first = await world.reset(epochSeed(seed, epoch))
    options.recorder?.begin(epoch)
    // Only the first epoch waits for all: later ones go on without a vehicle that is away.
    if (epoch === firstEpoch) await lockStep.gathered(options.gatherTimeoutMs ?? 30_000)
    if (stopsNow()) return false
    tally.begin()
    options.onStep?.(epoch, 0)
    await resetDevices()
    const { onStep, recorder } = options
    const watched = { broadcast, onStep, recorder }
    const rules = { world, lockStep, schedules, rounds, meter, deadline, roundSteps, pace, stopsNow, ...watched }
    const state = await driveSteps(epoch, first, rules)
    if (!state) return false
    const { info } = state
    const entry = { epoch, nas: info.epochNas, meanSpeed: info.epochMeanSpeed }
    tally.epoch(entry, info.collisions)
    options.recorder?.end()
    emit({ kind: 'epoch', ...entry })
    return true
  }

  async function resetDevices(): Promise<void> {
    const { stepLength, loopLength, speedLimit, accelerationLimit } = world
    const resets = await rounds.askAll(
      participants.filter((id) => lockStep.online.has(id)),
      (id) => ({
        kind: 'reset',
        epoch,
        step: 0,
        intervalSteps: schedules.get(id)?.intervalSteps ?? 1,
        stepLength,
        loopLength,
        speedLimit,
        accelerationLimit,
      }),
    )
    for (const [id, answer] of resets) {
      emit({ kind: 'presence', vehicle: id, state: 'live' })
      const learned = (epoch === firstEpoch && !options.resumed && lockStep.statuses.get(id)?.updates) || 0
      if (learned > 0) tally.disturbed(`${id} had made ${learned} updates before this run`)
      const before = epoch === firstEpoch ? options.resumed?.policies[id] : undefined
      if (before !== undefined && answer.kind === 'reset' && answer.policyHash !== before)
        tally.disturbed(`${id} resumes with another policy than epoch ${epoch - 1} ended with`)
    }
    for (const id of participants)
      if (!resets.has(id)) tally.disturbed(`${id} was not there at the reset of epoch ${epoch}`)
  }

  /** A simulator that is lost is started again by the next reset: what it was lost in begins anew. */
  async function surviving<T>(drive: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await drive()
      } catch (error) {
        if (!(error instanceof SimulatorLostError) || attempt === maxAttempts) throw error
        const cause = `epoch ${epoch} began anew: ${error.message}`
        tally.disturbed(cause)
        emit({ kind: 'note', text: cause })
      }
    }
  }

  function publishRun(baseline: { nas: number; meanSpeed: number }): void {
    const scores = tally.summary().epochs.map(({ nas }) => nas)
    bus.publish(channels.run, { fleet, run }, runMessage(options, epoch, baseline, scores))
  }

  return {
    async run() {
      if (options.disturbance !== undefined) tally.disturbed(options.disturbance)
      const baseline = await surviving(() => measureBaseline(world, seed, options.recorder))
      tally.baseline(baseline)
      emit({ kind: 'baseline', ...baseline })
      emit({ kind: 'intervals', intervalS })
      while (epoch < epochs && stopping === 'no') {
        epoch++
        publishRun(baseline)
        if (!(await surviving(driveEpoch))) break
      }
      // Every other score comes with the epoch after it.
      if (epoch > 0) publishRun(baseline)
      if (tally.summary().epochs.length < epochs) tally.interrupt()
      over = true
      const lateness = latenessOf(meter)
      if (lateness !== undefined) tally.disturbed(lateness)
      // At once means that nobody is waited for: the devices end with their supervisor.
      const asked = stopsNow() ? [] : present(lockStep, participants)
      const ends = await rounds.askAll(asked, () => ({ kind: 'end', epoch, step: 0 }))
      for (const [id, answer] of ends)
        if (answer.kind === 'end' && schedules.has(id)) tally.policy(id, answer.policyHash)
      bus.clear(channels.run, { fleet, run })
      return tally.summary()
    },
    summary: () => tally.summary(),
    stop(when) {
      if (stopping !== 'now') stopping = when
      if (when === 'now') lockStep.abandon()
    },
    tick: () => lockStep.tick(),
  }
}

/** Real milliseconds between two messages on where the cars are. */
const worldEveryMs = 50

function present(lockStep: LockStep, ids: readonly string[]): string[] {
  return ids.filter((id) => lockStep.live.has(id))
}

/** A simulator that is lost so often within one epoch is broken. */
const maxAttempts = 3

/** The starts of an epoch have a stream of their own. */
function epochSeed(seed: number, epoch: number): number {
  return createRng(seed, 'epoch', epoch).integer(4294967296)
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10
}
