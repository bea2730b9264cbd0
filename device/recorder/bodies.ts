import { type Command, type Observation, type Outcome, observationSchema } from '../../schemas/lock-step.ts'
import type { RecordOf } from '../../schemas/record.ts'
import type { Address, Channel } from '../../schemas/topics.ts'
import { channels } from '../../schemas/topics.ts'
import type { AgentState } from '../agent-state.ts'
import { sha256 } from '../identity.ts'
import type { Learned, Mixed, Start } from '../io.ts'
import { bitsOf, exactDigest, numbersOf, toExactJson } from './exact-json.ts'

/** What the records hold besides their envelope: readable copies, and `bits`: the numbers exactly as the device had them. */

const startKeys = ['epoch', 'stepLength', 'intervalSteps', 'loopLength', 'speedLimit', 'accelerationLimit'] as const
const observationKeys = observationSchema.required

export function startOf({ epoch, stepLength, intervalSteps, loopLength, speedLimit, accelerationLimit }: Start): Start {
  return { epoch, stepLength, intervalSteps, loopLength, speedLimit, accelerationLimit }
}

export function ofStart(start: Start): object {
  return { start, bits: bitsOf(startKeys.map((key) => start[key])) }
}

/** Throws where the bits are not six numbers. */
export function toStart({ bits }: RecordOf<'/in/reset'>): Start {
  const numbers = exactly(numbersOf(bits), startKeys.length)
  return Object.fromEntries(startKeys.map((key, i) => [key, numbers[i]])) as unknown as Start
}

/** Bits: the observation's eight numbers if there is one, then the reward if there is an outcome. */
export function ofClosing(observation: Observation | undefined, outcome: Outcome | undefined): object {
  const numbers = observation ? observationKeys.map((key) => observation[key]) : []
  if (outcome) numbers.push(outcome.reward)
  return { observation: observation ?? null, outcome: outcome ?? null, bits: bitsOf(numbers) }
}

/** Throws where the bits are not as many numbers as the readable copy has. */
export function toClosing(body: Pick<RecordOf<'/in/decide'>, 'observation' | 'outcome' | 'bits'>): {
  readonly observation: Observation | undefined
  readonly outcome: Outcome | undefined
} {
  const size = body.observation ? observationKeys.length : 0
  const numbers = exactly(numbersOf(body.bits), size + (body.outcome ? 1 : 0))
  return {
    observation: body.observation
      ? (Object.fromEntries(observationKeys.map((key, i) => [key, numbers[i]])) as unknown as Observation)
      : undefined,
    outcome: body.outcome ? ({ ...body.outcome, reward: numbers[size] } as unknown as Outcome) : undefined,
  }
}

/** Bits: the numbers of the command in the order of its keys. */
export function ofAction({ command, fallback }: { command: Command; fallback?: string }): object {
  const values = 'gapLaw' in command ? command.gapLaw : command
  return { command, fallback: fallback ?? null, bits: bitsOf(Object.values(values as object)) }
}

/** Bits: the return. */
export function ofLearned({ policyHash, samples, updates, return: mean }: Learned): object {
  return { policyHash, samples, updates, return: mean, bits: bitsOf([mean]) }
}

export function ofMixed({ policyHash, verdicts, refused, note }: Mixed): object {
  return { policyHash, verdicts, refused, note: note ?? null }
}

/** Bits: the verdict's numbers in the order of `verdictKeys`, NaN where there is none. */
export function ofPublished<K extends string, M>(channel: Channel<K, M>, address: Address<K>, message: M): object {
  if (message instanceof Uint8Array) return { address, bytes: message.length, sha256: sha256(message) }
  if ((channel as unknown) !== channels.verdict) return { address, message }
  const verdict = message as unknown as Readonly<Record<string, unknown>>
  const numbers = verdictKeys.map((key) => (typeof verdict[key] === 'number' ? verdict[key] : Number.NaN))
  return { address, message, bits: bitsOf(numbers) }
}

export const verdictKeys = [
  ...['alpha', 'alphaBound', 'policyAdvantage', 'policyAdvantageMean', 'standardError', 'lowerBound'],
  ...['effectiveSampleSize', 'epsilon', 'c', 'fisher', 'kl', 'gamma'],
]

export function ofMessage<K extends string, M>(channel: Channel<K, M>, message: M): object {
  if (channel.validate || !(message instanceof Uint8Array)) return { message }
  return { bytes: Buffer.from(message.buffer, message.byteOffset, message.length).toString('base64') }
}

export function toMessage({ message, bytes }: RecordOf<'/in/message'>): unknown {
  return bytes === undefined ? message : new Uint8Array(Buffer.from(bytes, 'base64'))
}

/** A digest of each vector, so that a difference is named by what differs. */
export function ofState(state: AgentState): object {
  const { epoch, updates, samples, adamStep, scale, streams, rounds, ...vectors } = state
  return {
    counts: toExactJson({ epoch, updates, samples, adamStep, scale, rounds }),
    generators: streams,
    digests: Object.fromEntries(Object.entries(vectors).map(([name, vector]) => [name, exactDigest(vector)])),
  }
}

function exactly(numbers: Float64Array, count: number): Float64Array {
  if (numbers.length !== count) throw new Error(`bits must be ${count} numbers, got ${numbers.length}`)
  return numbers
}
