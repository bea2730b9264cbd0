import type { Command, Outcome } from '../schemas/lock-step.ts'
import { accelerationOf } from './controller.ts'
import type { LockStep } from './lock-step.ts'
import { observe } from './observation.ts'
import { type Schedule, scheduleOf } from './schedule.ts'
import type { Transition, World } from './world.ts'

/** What the cars of one epoch are driven by: each action is held from its decision to the next one. */
export interface HeldActions {
  /** Vehicles whose next decision falls on step k; one that is still thinking is left out and counted as late. */
  due(k: number): string[]
  /** Ends the held actions of these vehicles in this state; each outcome is over the part that was driven. */
  close(ids: readonly string[], state: Pick<Transition, 'terminated' | 'truncated'>): Map<string, Outcome>
  /** Asks for a decision and holds it from when it comes (in real time that may be steps later). */
  decide(id: string, k: number, outcome: Outcome | undefined): Promise<void>
  /** Resolves when no decision is outstanding. */
  settled(): Promise<unknown>
  /** Writes every car's command for step k; NaN where the simulator drives. */
  command(k: number, accelerations: Float64Array): void
  /** Pays the step that was driven: rewards per car. */
  pay(rewards: Float64Array): void
  /** Decisions left out so far because the one before came late. */
  readonly late: number
}

export interface HeldActionsOptions {
  readonly world: World
  readonly lockStep: LockStep
  readonly schedules: ReadonlyMap<string, Schedule>
  readonly epoch: number
}

interface Held {
  readonly command: Command
  /** Sum of the steps' rewards since the decision. */
  reward: number
  steps: number
}

export function createHeldActions({ world, lockStep, schedules, epoch }: HeldActionsOptions): HeldActions {
  const learners = [...schedules.keys()]
  const carOf = new Map(world.vehicles.map((id, i) => [id, i]))
  const held = new Map<string, Held>()
  /** Decisions asked for and not yet answered, and the step of the last question. */
  const thinking = new Map<string, Promise<void>>()
  const askedAt = new Map<string, number>()
  let late = 0

  /** An action is held for at most max(interval, 1 s) beyond its due end, then the simulator's driver has the car. */
  const isDriven = (id: string, k: number): boolean => {
    if (!lockStep.live.has(id)) return false
    const waited = k - (askedAt.get(id) ?? k)
    return !thinking.has(id) || waited <= Math.max(scheduleOf(schedules, id).intervalSteps, 1 / world.stepLength)
  }

  return {
    due: (k) =>
      learners.filter((id) => {
        if (!lockStep.live.has(id) || !isDue(scheduleOf(schedules, id), k)) return false
        if (thinking.has(id)) late++
        return !thinking.has(id)
      }),
    close(ids, { terminated, truncated }) {
      const outcomes = new Map<string, Outcome>()
      for (const id of ids) {
        const action = held.get(id)
        if (!action || action.steps === 0) continue
        const { reward, steps } = action
        outcomes.set(id, { reward: reward / steps, steps, terminated, truncated })
        action.reward = 0
        action.steps = 0
      }
      return outcomes
    },
    decide(id, k, outcome) {
      const observation = observe(world, carOf.get(id) as number)
      const question = { kind: 'decide', epoch, step: k, observation, ...(outcome && { outcome }) } as const
      const answer = lockStep.ask(id, question).then((act) => {
        thinking.delete(id)
        if (act?.kind === 'decide') held.set(id, { command: act.command, reward: 0, steps: 0 })
      })
      thinking.set(id, answer)
      askedAt.set(id, k)
      return answer
    },
    settled: () => Promise.all(thinking.values()),
    command(k, accelerations) {
      for (const [i, id] of world.vehicles.entries())
        accelerations[i] = accelerationOf(isDriven(id, k) ? held.get(id)?.command : undefined, world, i)
    },
    pay(rewards) {
      for (const [id, action] of held) {
        action.reward += rewards[carOf.get(id) as number] ?? 0
        action.steps++
      }
    },
    get late() {
      return late
    },
  }
}

function isDue({ intervalSteps, phaseSteps }: Schedule, k: number): boolean {
  return k >= phaseSteps && (k - phaseSteps) % intervalSteps === 0
}
