import type { Bus } from '../device/bus/bus.ts'
import { createRng } from '../device/core/rng.ts'
import type { Act, Outcome } from '../schemas/lock-step.ts'
import type { Setting } from '../schemas/setting.ts'
import type { Summary } from '../schemas/summary.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { measureBaseline } from './baseline.ts'
import { createBroadcast } from './broadcast.ts'
import { createHeldActions } from './held-actions.ts'
import { createLockStep, type LockStep, type Question } from './lock-step.ts'
import { observe } from './observation.ts'
import { drawSchedules, scheduleOf } from './schedule.ts'
import { SimulatorLostError } from './simulator.ts'
import { createTally } from './tally.ts'
import type { Recorder } from './trajectory.ts'
import type { World } from './world.ts'

export interface BridgeOptions {
  readonly world: World
  readonly bus: Bus
  readonly fleet: string
  /** One id per run: whatever carries another one is ignored, retained leftovers included. */
  readonly run: string
  readonly seed: number
  readonly epochs: number
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
  /** Real time: resolves when step k of the epoch may begin. */
  readonly pace?: (step: number) => Promise<void>
  /** The summary of the interrupted run to go on with. */
  readonly resumed?: Summary
  /** Is told of every step that is driven, the baseline's too. */
  readonly recorder?: Recorder
  readonly onEvent?: (event: BridgeEvent) => void
}

/** Progress of a run, for views. */
export type BridgeEvent =
  | { readonly kind: 'baseline'; readonly nas: number; readonly meanSpeed: number }
  | { readonly kind: 'intervals'; readonly intervalS: Readonly<Record<string, number>> }
  | { readonly kind: 'epoch'; readonly epoch: number; readonly nas: number; readonly meanSpeed: number }
  | { readonly kind: 'answer'; readonly vehicle: string; readonly answer: Act }
  | { readonly kind: 'presence'; readonly vehicle: string; readonly state: 'live' | 'offline' }
  | { readonly kind: 'note'; readonly text: string }

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
 * Couples a world to devices: the bridge owns simulated time and steps only when every live device has answered.
 * Order at a boundary: held actions that end are closed and all `learn`; when all have answered, all `mix`; only then
 * those due `decide`.
 */
export function createBridge(options: BridgeOptions): Bridge {
  const { world, bus, fleet, run, seed, epochs, setting, roundSteps = 250 } = options
  const learners = world.vehicles.filter((_, i) => world.learner[i])
  const carOf = new Map(world.vehicles.map((id, i) => [id, i]))
  const schedules = drawSchedules(seed, learners)
  const intervalS = Object.fromEntries(
    learners.map((id) => [id, round(scheduleOf(schedules, id).intervalSteps * world.stepLength)]),
  )
  const tally = createTally({ ...options, setting: setting.name, vehicles: learners, intervalS }, options.resumed)
  const emit = options.onEvent ?? (() => {})
  const participants = options.aggregator === undefined ? learners : [...learners, options.aggregator]
  const lockStep = createLockStep({
    bus,
    fleet,
    run,
    vehicles: participants,
    now: options.now,
    answerTimeoutMs: options.answerTimeoutMs ?? 30_000,
    onLeft(vehicle, cause) {
      if (over) return
      if (stopping !== 'now') tally.disturbed(cause)
      emit({ kind: 'presence', vehicle, state: 'offline' })
    },
  })
  let stopping: 'no' | 'after-epoch' | 'now' = 'no'
  const stopsNow = (): boolean => stopping === 'now'
  let over = false
  let late = 0
  let epoch = options.resumed?.epochs.length ?? 0
  const firstEpoch = epoch + 1

  async function askAll(ids: Iterable<string>, question: (id: string) => Question): Promise<Map<string, Act>> {
    const answers = new Map<string, Act>()
    await Promise.all(
      [...ids].map(async (id) => {
        const answer = await lockStep.ask(id, question(id))
        if (!answer) return
        answers.set(id, answer)
        if (answer.kind !== 'decide') emit({ kind: 'answer', vehicle: id, answer })
      }),
    )
    return answers
  }

  async function driveEpoch(): Promise<boolean> {
    let state = await world.reset(epochSeed(seed, epoch))
    options.recorder?.begin(epoch)
    // Only the first epoch waits for all: later ones go on without a vehicle that is away.
    if (epoch === firstEpoch) await lockStep.gathered(options.gatherTimeoutMs ?? 30_000)
    if (stopsNow()) return false
    tally.begin()
    const { stepLength, loopLength, speedLimit, accelerationLimit } = world
    const resets = await askAll(
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
      const before = epoch === firstEpoch ? options.resumed?.policies[id] : undefined
      if (before !== undefined && answer.kind === 'reset' && answer.policyHash !== before)
        tally.disturbed(`${id} resumes with another policy than epoch ${epoch - 1} ended with`)
    }
    for (const id of participants)
      if (!resets.has(id)) tally.disturbed(`${id} was not there at the reset of epoch ${epoch}`)

    const actions = createHeldActions({ world, lockStep, schedules, epoch })
    const accelerations = new Float64Array(world.vehicles.length)
    for (let k = 0; ; k++) {
      if (stopsNow()) return false
      const ended = state.terminated || state.truncated
      const boundary = ended || (k > 0 && k % roundSteps === 0)
      if (boundary) await actions.settled()
      const due = actions.due(k)
      const closed = actions.close(ended ? learners : due, state)
      if (boundary) await learnAndMix(k, closed)
      if (ended) break
      const decided = Promise.all(due.map((id) => actions.decide(id, k, boundary ? undefined : closed.get(id))))
      if (!options.pace) await decided
      actions.command(k, accelerations)
      await options.pace?.(k)
      state = await world.step(accelerations)
      options.recorder?.step(accelerations)
      broadcast(k + 1)
      actions.pay(state.rewards)
    }
    late += actions.late
    options.recorder?.end()
    const { epochNas, epochMeanSpeed, collisions } = state.info
    const entry = { epoch, nas: epochNas, meanSpeed: epochMeanSpeed }
    tally.epoch(entry, collisions)
    emit({ kind: 'epoch', ...entry })
    return true
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

  async function learnAndMix(step: number, closed: ReadonlyMap<string, Outcome>): Promise<void> {
    const learned = await askAll(present(lockStep, learners), (id) => {
      const outcome = closed.get(id)
      return {
        kind: 'learn',
        epoch,
        step,
        ...(outcome && { outcome, observation: observe(world, carOf.get(id) as number) }),
      }
    })
    const policies: Record<string, string> = {}
    for (const id of [...learned.keys()].sort()) {
      const answer = learned.get(id)
      if (answer?.kind !== 'learn') continue
      policies[id] = answer.policyHash
      tally.learned(id, answer)
    }
    const mix = { kind: 'mix', epoch, step, policies } as const
    let aggregate: string | undefined
    if (options.aggregator !== undefined && lockStep.live.has(options.aggregator)) {
      const answer = (await askAll([options.aggregator], () => mix)).get(options.aggregator)
      if (answer?.kind === 'mix') aggregate = answer.policyHash
    }
    const mixed = await askAll(present(lockStep, learners), () => ({ ...mix, ...(aggregate && { aggregate }) }))
    for (const [id, answer] of mixed) if (answer.kind === 'mix') tally.mixed(id, answer)
  }

  const broadcast = createBroadcast(options, worldEveryMs)

  function publishRun(baseline: { nas: number; meanSpeed: number }): void {
    bus.publish(
      channels.run,
      { fleet, run },
      {
        version: formatVersion,
        preset: options.preset,
        setting: setting.name,
        method: options.method,
        seed,
        loopLength: world.loopLength,
        epoch,
        epochs,
        baseline,
        history: tally
          .summary()
          .epochs.slice(-500)
          .map((entry) => entry.nas),
      },
    )
  }

  return {
    async run() {
      const baseline = await surviving(() => measureBaseline(world, seed, options.recorder))
      tally.baseline(baseline)
      emit({ kind: 'baseline', ...baseline })
      emit({ kind: 'intervals', intervalS })
      while (epoch < epochs && stopping === 'no') {
        epoch++
        publishRun(baseline)
        if (!(await surviving(driveEpoch))) break
      }
      if (tally.summary().epochs.length < epochs) tally.interrupt()
      over = true
      if (late > 0) tally.disturbed(`${late} decisions were left out because the one before came late`)
      // At once means that nobody is waited for: the devices end with their supervisor.
      const asked = stopsNow() ? [] : present(lockStep, participants)
      const ends = await askAll(asked, () => ({ kind: 'end', epoch, step: 0 }))
      for (const [id, answer] of ends) if (answer.kind === 'end' && carOf.has(id)) tally.policy(id, answer.policyHash)
      bus.clear(channels.run, { fleet, run })
      return tally.summary()
    },
    summary: () => tally.summary(),
    stop(when) {
      stopping = when
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
