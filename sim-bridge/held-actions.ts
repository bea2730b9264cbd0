import type { Command, Outcome } from '../schemas/lock-step.ts'
import { accelerationOf } from './controller.ts'
import type { Deadline } from './deadline.ts'
import type { DecideQuestion, LockStep } from './lock-step.ts'
import { observe } from './observation.ts'
import type { Meter } from './report/meter.ts'
import { type Schedule, scheduleOf } from './schedule.ts'
import type { Transition, World } from './world.ts'

/** What the cars of one epoch are driven by: each action is held from its decision to the next one. */
export interface HeldActions {
  /** Vehicles whose decision falls due at step k; one that falls due while the one before has no answer is left out. */
  due(k: number): string[]
  /**
   * Ends the held actions of these vehicles in this state; each outcome is over the part that was driven under it. Where the
   * epoch ends with it, a decision that has driven nothing, its answer being too late, is closed over the steps since its
   * question: without an end, the device would drop the samples of its last rounds.
   */
  close(ids: readonly string[], ending: Ending): Map<string, Outcome>
  /**
   * Ends the held action of a vehicle, asks for a decision and holds it from when it comes. In real time both may be later: a
   * device that is learning is asked, about the state of then, when it has answered.
   */
  decide(id: string): Promise<void>
  /** The epoch is over: withdraws the decisions that were not asked yet; resolves when no other one is outstanding. */
  end(): Promise<unknown>
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

/** Whether the epoch ends with the action. */
export type Ending = Pick<Transition, 'terminated' | 'truncated'>

const goingOn: Ending = { terminated: false, truncated: false }

/** Steps that were driven, and the sum of their rewards. */
interface Driven {
  reward: number
  steps: number
}

interface Held extends Driven {
  readonly command: Command
}

/** A decision that fell due and has no answer yet. */
interface Wanted {
  readonly step: number
  readonly dueAtMs: number
  /** It fell due while the device was learning or mixing. */
  readonly learning: boolean
  answer: Promise<void> | undefined
  missed: boolean
}

export function createHeldActions(options: HeldActionsOptions): HeldActions {
  const { world, lockStep, schedules, epoch, meter, deadline } = options
  const timetable = [...schedules]
  const carOf = new Map(world.vehicles.map((id, i) => [id, i]))
  const held = new Map<string, Held>()
  /** Per car, since the last question to its vehicle, whatever drove it. */
  const sinceAsked = new Array<Driven | undefined>(world.vehicles.length).fill(undefined)
  const wanted = new Map<string, Wanted>()
  /** Per car, what the present step is driven by. */
  const driving = new Array<Held | undefined>(world.vehicles.length).fill(undefined)
  const secondSteps = Math.round(1 / world.stepLength)

  let step = 0
  let over = false

  const miss = (id: string, learning: boolean): void => {
    meter.count(id, 'misses')
    if (learning) meter.count(id, 'missesWhileLearning')
  }

  const fallDue = (id: string): boolean => {
    meter.count(id, 'decisions')
    const learning = lockStep.outstanding(id).some((kind) => kind === 'learn' || kind === 'mix')
    if (!wanted.has(id)) {
      wanted.set(id, { step, dueAtMs: deadline.now(), learning, answer: undefined, missed: false })
      return true
    }
    meter.count(id, 'leftOut')
    miss(id, learning)
    return false
  }

  /** The step that a decision is for begins without it. */
  const judge = (id: string, decision: Wanted): void => {
    const verdict = deadline.atStep(decision.dueAtMs)
    if (verdict === 'unjudged') meter.count(id, 'unjudged')
    if (verdict !== 'missed') return
    decision.missed = true
    miss(id, decision.learning)
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
    const goesOn = k - late.step < longest
    meter.count(id, goesOn ? 'lateHeldSteps' : 'handedOverSteps')
    return goesOn ? held.get(id) : undefined
  }

  const close = (id: string, { terminated, truncated }: Ending): Outcome | undefined => {
    const action = held.get(id)
    const unheard = (terminated || truncated) && !action?.steps
    const driven = unheard ? sinceAsked[carOf.get(id) as number] : action
    if (!driven || driven.steps === 0) return undefined
    const { reward, steps } = driven
    driven.reward = 0
    driven.steps = 0
    return { reward: reward / steps, steps, terminated, truncated }
  }

  const decisionQuestion = (id: string): DecideQuestion | undefined => {
    if (over) return undefined
    const outcome = close(id, goingOn)
    const car = carOf.get(id) as number
    sinceAsked[car] = { reward: 0, steps: 0 }
    const observation = observe(world, car)
    return { kind: 'decide', epoch, step, observation, ...(outcome && { outcome }) }
  }

  return {
    due(k) {
      step = k
      for (const id of wanted.keys()) if (!lockStep.live.has(id)) wanted.delete(id)
      const due: string[] = []
      for (const [id, schedule] of timetable)
        if (isDue(schedule, k) && lockStep.live.has(id) && fallDue(id)) due.push(id)
      return due
    },
    close(ids, ending) {
      const outcomes = new Map<string, Outcome>()
      for (const id of ids) {
        const outcome = close(id, ending)
        if (outcome) outcomes.set(id, outcome)
      }
      return outcomes
    },
    async decide(id) {
      const decision = wanted.get(id)
      if (!decision || !lockStep.live.has(id)) return
      decision.answer = lockStep
        .ask(id, () => decisionQuestion(id))
        .then((act) => {
          wanted.delete(id)
          if (act?.kind !== 'decide') return
          held.set(id, { command: act.command, reward: 0, steps: 0 })
          if (!decision.missed && deadline.atAnswer(decision.dueAtMs) === 'missed') miss(id, decision.learning)
        })
      await decision.answer
    },
    end() {
      over = true
      return Promise.all([...wanted.values()].map(({ answer }) => answer))
    },
    command(k, accelerations) {
      for (let i = 0; i < driving.length; i++) {
        const action = world.learner[i] ? actionOf(world.vehicles[i]!, k) : undefined
        driving[i] = action
        accelerations[i] = accelerationOf(action?.command, world, i)
      }
    },
    pay(rewards) {
      for (let i = 0; i < driving.length; i++) {
        credit(driving[i], rewards[i] ?? 0)
        credit(sinceAsked[i], rewards[i] ?? 0)
      }
    },
  }
}

function credit(driven: Driven | undefined, reward: number): void {
  if (!driven) return
  driven.reward += reward
  driven.steps++
}

function isDue({ intervalSteps, phaseSteps }: Schedule, k: number): boolean {
  return k >= phaseSteps && (k - phaseSteps) % intervalSteps === 0
}
