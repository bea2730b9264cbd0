import type { Command, Outcome } from '../schemas/lock-step.ts'
import { accelerationOf } from './controller.ts'
import type { Deadline } from './deadline.ts'
import type { LockStep } from './lock-step.ts'
import type { Meter } from './meter.ts'
import { observe } from './observation.ts'
import { type Schedule, scheduleOf } from './schedule.ts'
import type { Transition, World } from './world.ts'

/** What the cars of one epoch are driven by: each action is held from its decision to the next one. */
export interface HeldActions {
  /**
   * Vehicles to ask for a decision at step k: those whose decision falls due, and in real time those that could not be asked
   * when theirs did. One that falls due while the one before is outstanding is left out.
   */
  due(k: number): string[]
  /** Ends the held actions of these vehicles in this state; each outcome is over the part that was driven under it. */
  close(ids: readonly string[], state: Pick<Transition, 'terminated' | 'truncated'>): Map<string, Outcome>
  /** Asks for a decision and holds it from when it comes (in real time that may be steps later). */
  decide(id: string, k: number, outcome: Outcome | undefined): Promise<void>
  /** Resolves when no decision is outstanding. */
  settled(): Promise<unknown>
  /** Writes every car's command for step k; NaN where the simulator drives. */
  command(k: number, accelerations: Float64Array): void
  /** Pays the step that was driven: rewards per car. */
  pay(rewards: Float64Array): void
}

export interface HeldActionsOptions {
  readonly world: World
  readonly lockStep: LockStep
  readonly schedules: ReadonlyMap<string, Schedule>
  readonly epoch: number
  readonly meter: Meter
  readonly deadline: Deadline
}

interface Held {
  readonly command: Command
  /** Sum of the steps' rewards since the decision. */
  reward: number
  steps: number
}

/** A decision that fell due and has no answer yet. */
interface Wanted {
  readonly step: number
  readonly dueAtMs: number
  answer: Promise<void> | undefined
  missed: boolean
}

export function createHeldActions(options: HeldActionsOptions): HeldActions {
  const { world, lockStep, schedules, epoch, meter, deadline } = options
  const learners = [...schedules.keys()]
  const carOf = new Map(world.vehicles.map((id, i) => [id, i]))
  const held = new Map<string, Held>()
  const wanted = new Map<string, Wanted>()
  /** Per car, what the present step is driven by. */
  const driving = new Array<Held | undefined>(world.vehicles.length).fill(undefined)
  const secondSteps = Math.round(1 / world.stepLength)

  const miss = (id: string): void => {
    meter.count(id, 'misses')
    const kind = lockStep.outstanding(id)
    if (kind === 'learn' || kind === 'mix') meter.count(id, 'missesWhileLearning')
  }

  const fallDue = (id: string, k: number): void => {
    meter.count(id, 'decisions')
    if (!wanted.has(id)) {
      wanted.set(id, { step: k, dueAtMs: deadline.now(), answer: undefined, missed: false })
      return
    }
    meter.count(id, 'leftOut')
    miss(id)
  }

  /** The step that a decision is for begins without it. */
  const judge = (id: string, decision: Wanted): void => {
    const verdict = deadline.atStep(decision.dueAtMs)
    if (verdict === 'unjudged') meter.count(id, 'unjudged')
    if (verdict !== 'missed') return
    decision.missed = true
    miss(id)
  }

  /** The action in force at step k; none where the simulator's driver has the car. */
  const actionOf = (id: string, k: number): Held | undefined => {
    if (!lockStep.live.has(id)) {
      meter.count(id, 'awaySteps')
      return undefined
    }
    const late = wanted.get(id)
    if (!late) return held.get(id)
    if (late.step === k) judge(id, late)
    const longest = Math.max(scheduleOf(schedules, id).intervalSteps, secondSteps)
    const action = k - late.step < longest ? held.get(id) : undefined
    meter.count(id, action ? 'lateHeldSteps' : 'handedOverSteps')
    return action
  }

  return {
    due: (k) =>
      learners.filter((id) => {
        if (!lockStep.live.has(id)) {
          wanted.delete(id)
          return false
        }
        if (isDue(scheduleOf(schedules, id), k)) fallDue(id, k)
        const decision = wanted.get(id)
        return decision !== undefined && !decision.answer && !lockStep.outstanding(id)
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
    async decide(id, k, outcome) {
      const decision = wanted.get(id)
      if (!decision || !lockStep.live.has(id)) return
      const observation = observe(world, carOf.get(id) as number)
      const question = { kind: 'decide', epoch, step: k, observation, ...(outcome && { outcome }) } as const
      decision.answer = lockStep.ask(id, question).then((act) => {
        wanted.delete(id)
        if (act?.kind !== 'decide') return
        held.set(id, { command: act.command, reward: 0, steps: 0 })
        if (!decision.missed && deadline.atAnswer(decision.dueAtMs) === 'missed') miss(id)
      })
      await decision.answer
    },
    settled: () => Promise.all([...wanted.values()].map(({ answer }) => answer)),
    command(k, accelerations) {
      for (const [i, id] of world.vehicles.entries()) {
        const action = world.learner[i] ? actionOf(id, k) : undefined
        driving[i] = action
        accelerations[i] = accelerationOf(action?.command, world, i)
      }
    },
    pay(rewards) {
      for (const [i, action] of driving.entries()) {
        if (!action) continue
        action.reward += rewards[i] ?? 0
        action.steps++
      }
    },
  }
}

function isDue({ intervalSteps, phaseSteps }: Schedule, k: number): boolean {
  return k >= phaseSteps && (k - phaseSteps) % intervalSteps === 0
}
