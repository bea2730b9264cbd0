import type { Act, Outcome } from '../schemas/lock-step.ts'
import type { BridgeEvent } from './bridge-event.ts'
import type { LockStep, Question } from './lock-step.ts'
import { observe } from './observation.ts'
import type { Tally } from './tally.ts'
import type { World } from './world.ts'

export interface RoundsOptions {
  readonly world: World
  readonly lockStep: LockStep
  readonly learners: readonly string[]
  readonly aggregator?: string | undefined
  readonly tally: Tally
  readonly emit: (event: BridgeEvent) => void
}

/** Rounds of learning: all `learn`; when all have answered, all `mix`. */
export interface Rounds {
  /** Runs a round; `closed` are the held actions that ended at this step. Resolves when all have mixed. */
  run(epoch: number, step: number, closed: ReadonlyMap<string, Outcome>): Promise<void>
  /** Begins a round beside the world's steps; false where the one before still runs. */
  begin(epoch: number, step: number): boolean
  /** Resolves when no round runs. */
  idle(): Promise<void>
  /** Asks some for the same thing; the answers of those that gave one. */
  askAll(ids: Iterable<string>, question: (id: string) => Question): Promise<Map<string, Act>>
}

export function createRounds({ world, lockStep, learners, aggregator, tally, emit }: RoundsOptions): Rounds {
  const carOf = new Map(world.vehicles.map((id, i) => [id, i]))
  let running: Promise<void> | undefined
  let beside = false
  const present = (): string[] => learners.filter((id) => lockStep.live.has(id))

  async function askAll(ids: Iterable<string>, question: (id: string) => Question): Promise<Map<string, Act>> {
    const answers = new Map<string, Act>()
    await Promise.all(
      [...ids].map(async (id) => {
        const answer = await lockStep.ask(id, question(id))
        if (!answer) return
        answers.set(id, answer)
        emit({ kind: 'answer', vehicle: id, answer })
      }),
    )
    return answers
  }

  async function run(epoch: number, step: number, closed: ReadonlyMap<string, Outcome>): Promise<void> {
    const learned = await askAll(present(), (id) => {
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
    if (aggregator !== undefined && lockStep.live.has(aggregator)) {
      const answer = (await askAll([aggregator], () => mix)).get(aggregator)
      if (answer?.kind === 'mix') aggregate = answer.policyHash
    }
    const mixed = await askAll(present(), () => ({ ...mix, ...(aggregate && { aggregate }) }))
    for (const [id, answer] of mixed) if (answer.kind === 'mix') tally.mixed(id, answer)
  }

  return {
    run,
    begin(epoch, step) {
      if (running) return false
      if (!beside) tally.disturbed('rounds of learning ran beside the steps, as they do in real time')
      beside = true
      running = run(epoch, step, new Map()).finally(() => {
        running = undefined
      })
      return true
    },
    idle: () => running ?? Promise.resolve(),
    askAll,
  }
}
