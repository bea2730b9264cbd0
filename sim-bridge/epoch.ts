import type { createBroadcast } from './broadcast.ts'
import type { Deadline } from './deadline.ts'
import { createHeldActions } from './held-actions.ts'
import type { LockStep } from './lock-step.ts'
import type { Pace } from './pace.ts'
import type { Meter } from './report/meter.ts'
import type { Rounds } from './rounds.ts'
import type { Schedule } from './schedule.ts'
import type { Recorder } from './trajectory/trajectory.ts'
import type { Transition, World } from './world.ts'

export interface EpochOptions {
  readonly world: World
  readonly lockStep: LockStep
  readonly schedules: ReadonlyMap<string, Schedule>
  readonly rounds: Rounds
  readonly meter: Meter
  readonly deadline: Deadline
  /** Distance of learning rounds, in steps. */
  readonly roundSteps: number
  /** Real time; without it the world waits for every answer. */
  readonly pace?: Pace | undefined
  readonly stopsNow: () => boolean
  readonly broadcast: ReturnType<typeof createBroadcast>
  readonly recorder?: Recorder | undefined
  /** Told before anything of step k is asked. */
  readonly onStep?: ((epoch: number, k: number) => void) | undefined
}

/**
 * Drives the steps of an epoch from its first state; undefined when stopped inside it.
 *
 * In lock-step the world waits for every answer. Order at a boundary of rounds: held actions that end are closed and all
 * `learn`; when all have answered, all `mix`; only then those due `decide`.
 *
 * In real time nothing holds up a step: the question for step k goes out when the state before it is known, and whatever
 * command is there when step k is due drives it. At a boundary those due decide first, since their answers are awaited, then
 * a round begins beside the steps. The end of an epoch, where the world stands still anyway, waits for the last round.
 */
export async function driveSteps(
  epoch: number,
  first: Transition,
  { world, pace, rounds, ...options }: EpochOptions,
): Promise<Transition | undefined> {
  const { lockStep, schedules, meter, deadline, roundSteps } = options
  const actions = createHeldActions({ world, lockStep, schedules, epoch, meter, deadline })
  const accelerations = new Float64Array(world.vehicles.length)
  const decide = (ids: readonly string[]) => Promise.all(ids.map((id) => actions.decide(id)))
  let state = first
  meter.beginEpoch()
  pace?.begin()
  try {
    for (let k = 0; !(state.terminated || state.truncated); k++) {
      if (options.stopsNow()) return undefined
      options.onStep?.(epoch, k)
      const due = actions.due(k)
      const boundary = k > 0 && k % roundSteps === 0
      if (pace) {
        void decide(due)
        if (boundary && !rounds.begin(epoch, k)) meter.roundsLeftOut++
        await pace.due(k)
      } else {
        if (boundary) await rounds.run(epoch, k, actions.close(due, state))
        if (due.length > 0) await decide(due)
      }
      actions.command(k, accelerations)
      state = await world.step(accelerations)
      options.recorder?.step()
      meter.step()
      actions.pay(state.rewards)
      options.broadcast(k + 1)
    }
  } finally {
    meter.endEpoch()
  }
  if (options.stopsNow()) return undefined
  const settled = actions.end()
  await rounds.idle()
  await settled
  await rounds.run(epoch, state.info.step, actions.close([...schedules.keys()], state))
  // Given up in that round: what it was to learn and to mix is missing.
  return options.stopsNow() ? undefined : state
}
