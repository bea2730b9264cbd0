import { type RecordOf, type RecordTopic, recordTopics, recordValidators } from '../../schemas/record.ts'
import type { Device } from '../device.ts'
import type { VehicleHandlers } from '../io.ts'
import { ofClosing, ofStart, toClosing, toMessage, toStart } from './bodies.ts'
import { type Differing, firstDifference } from './difference.ts'
import type { LoggedRecord } from './log-reader.ts'
import type { InputTopic, Link } from './tap.ts'

/** What recorded inputs are fed into. */
export interface Fed {
  readonly device: Device
  readonly vehicle: VehicleHandlers
  /** Handlers of messages, connections and refusals, in the order in which the device named them. */
  readonly handlers: readonly ((...given: readonly unknown[]) => void)[]
  setNow(ms: number): void
  setLink(link: Link): void
}

/**
 * Does to a device what a record says was done to it. Returns where the readable copy is not what the bits say; throws an
 * Error where the record has another form. What the device itself throws is an output of its own.
 */
export function feed(topic: InputTopic, record: LoggedRecord, fed: Fed): Differing | undefined {
  switch (topic) {
    case '/in/reset': {
      const body = timed(topic, record, fed)
      const start = toStart(body)
      quietly(() => fed.vehicle.reset(start))
      return sameCopy(body, ofStart(start))
    }
    case '/in/decide': {
      const body = timed(topic, record, fed)
      const { observation, outcome } = toClosing(body)
      quietly(() => fed.vehicle.decide(observation, outcome))
      return sameCopy(body, ofClosing(observation, outcome))
    }
    case '/in/learn': {
      const body = timed(topic, record, fed)
      const { observation, outcome } = toClosing(body)
      const closing = observation && outcome ? { observation, outcome } : undefined
      fed.vehicle.learn({ epoch: body.epoch, step: body.step }, closing).catch(() => {})
      return sameCopy(body, ofClosing(observation, outcome))
    }
    case '/in/mix': {
      const { epoch, step, policies, aggregate } = timed(topic, record, fed)
      const round = { epoch, step, policies: policies as Readonly<Record<string, string>> }
      fed.vehicle.mix({ ...round, ...(aggregate !== null && { aggregate }) }).catch(() => {})
      return undefined
    }
    case '/in/message': {
      const body = timed(topic, record, fed)
      const message = toMessage(body)
      quietly(() => handlerOf(body.handler, fed)(message, body.address))
      return undefined
    }
    case '/in/refused': {
      const { handler, channel, address, reason, detail } = timed(topic, record, fed)
      quietly(() => handlerOf(handler, fed)({ channel, address, reason, detail }))
      return undefined
    }
    case '/in/connected': {
      const { handler } = timed(topic, record, fed)
      quietly(() => handlerOf(handler, fed)())
      return undefined
    }
    case '/in/link':
      fed.setLink(timed(topic, record, fed))
      return undefined
    case '/in/ticks':
      for (const time of bodyOf(topic, record).times) {
        fed.setNow(time)
        quietly(() => fed.device.tick())
      }
      return undefined
    case '/in/note': {
      const { text } = timed(topic, record, fed)
      fed.device.note('recorder', text)
      return undefined
    }
    case '/in/end':
      timed(topic, record, fed)
      quietly(() => fed.vehicle.end())
      return undefined
    case '/in/clock':
      timed(topic, record, fed)
      quietly(() => fed.device.surroundingsChanged())
      return undefined
    case '/in/stop':
      timed(topic, record, fed)
      fed.device.stop()
      return undefined
  }
}

/** A record's members, checked; throws an Error with rule and value found. */
export function bodyOf<T extends RecordTopic>(topic: T, { record, members }: LoggedRecord): RecordOf<T> {
  const validated = recordValidators[topic]({ chain: anyChain, record, ...JSON.parse(members) })
  if (!validated.ok) throw new Error(`record ${record}, ${topic}: ${validated.detail}`)
  return validated.value
}

/** The reader has checked the chain. */
const anyChain = '0'.repeat(64)

export function topicOf({ record, topic }: LoggedRecord): RecordTopic {
  if (isTopic(topic)) return topic
  throw new Error(`record ${record}: topic must be one of the recorder's, got ${JSON.stringify(topic)}`)
}

const known: ReadonlySet<string> = new Set(recordTopics)

function isTopic(topic: string): topic is RecordTopic {
  return known.has(topic)
}

function timed<T extends InputTopic>(topic: T, record: LoggedRecord, fed: Fed): RecordOf<T> & { readonly now: number } {
  const body = bodyOf(topic, record) as RecordOf<T> & { readonly now: number }
  fed.setNow(body.now)
  return body
}

function handlerOf(handler: number, { handlers }: Fed): Fed['handlers'][number] {
  const found = handlers[handler]
  if (!found) throw new Error(`handler must be one of ${handlers.length}, got ${handler}`)
  return found
}

/** The tap has noted what the device throws. */
function quietly(work: () => unknown): void {
  try {
    work()
  } catch {}
}

/** Whether the readable copy of an input says what its bits say. */
function sameCopy(body: object, exact: object): Differing | undefined {
  const copy = JSON.parse(JSON.stringify(exact)) as Readonly<Record<string, unknown>>
  const given = body as Readonly<Record<string, unknown>>
  return firstDifference(Object.fromEntries(Object.keys(copy).map((key) => [key, given[key]])), copy)
}
