import type { Fault } from '../../schemas/faults.ts'
import type { Obs } from '../../schemas/lock-step.ts'
import type { CountName, Counts } from '../../schemas/report.ts'
import { noCounts } from '../report/meter.ts'
import type { PlannedFault } from './fault-plan.ts'

/** What a fault did: messages that it touched, and what was counted of their vehicles while those were outstanding. */
export interface FaultEffect {
  readonly fault: Fault
  readonly messages: number
  readonly counts: Counts
}

/** Which faults touched which questions and answers, and what was counted meanwhile. */
export interface Ledger {
  /** A question goes to a vehicle, for the first time or again. */
  asked(vehicle: string, question: Pick<Obs, 'kind' | 'seq'>): void
  /** The fault at this place of the plan touches a question, or the answer to it. */
  touch(index: number, vehicle: string, seq: number): void
  /** Puts what was counted of a vehicle down to the faults that touched its present question or answer; whether there are any. */
  blame(vehicle: string, name: CountName): boolean
  /** Whether a fault touched the last question to a vehicle other than one of its rounds, or the answer to it. */
  touches(vehicle: string): boolean
  effects(): FaultEffect[]
}

interface Question {
  readonly seq: number
  readonly faults: Set<number>
}

/** The last question to a vehicle, and the last one that is none of its rounds, which go on beside decisions. */
interface Questions {
  readonly latest: Question
  readonly control: Question
}

/** Counts that are about decisions alone. */
const ofDecisions: ReadonlySet<CountName> = new Set<CountName>([
  'decisions',
  'misses',
  'missesWhileLearning',
  'leftOut',
  'unjudged',
  'lateHeldSteps',
  'handedOverSteps',
  'fallbacks',
])

export function createLedger(plan: readonly PlannedFault[]): Ledger {
  const effects = plan.map(({ fault }) => ({ fault, messages: 0, counts: noCounts() }))
  const questions = new Map<string, Questions>()
  return {
    asked(vehicle, { kind, seq }) {
      const before = questions.get(vehicle)
      if (before && seq <= before.latest.seq) return // repeated
      const latest: Question = { seq, faults: new Set() }
      const isOfRound = kind === 'learn' || kind === 'mix'
      questions.set(vehicle, { latest, control: isOfRound && before ? before.control : latest })
    },
    touch(index, vehicle, seq) {
      const effect = effects[index]
      if (effect) effect.messages++
      for (const question of Object.values(questions.get(vehicle) ?? {}))
        if (question.seq === seq) question.faults.add(index)
    },
    blame(vehicle, name) {
      const present = questions.get(vehicle)
      const faults = (ofDecisions.has(name) ? present?.control : present?.latest)?.faults
      for (const index of faults ?? []) {
        const effect = effects[index]
        if (effect) effect.counts[name]++
      }
      return faults !== undefined && faults.size > 0
    },
    touches: (vehicle) => (questions.get(vehicle)?.control.faults.size ?? 0) > 0,
    effects: () => effects,
  }
}
