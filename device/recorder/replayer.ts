import { type Config, defaultConfig, validateConfig } from '../../schemas/config.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { RecordOf, RecordTopic } from '../../schemas/record.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import { createDevice, type DeviceOptions } from '../device.ts'
import type { DeviceState } from '../device-state.ts'
import { loadEngine } from '../engines/index.ts'
import { emptySignature } from '../identity.ts'
import type { VehicleHandlers } from '../io.ts'
import { configuredArchitecture } from '../process.ts'
import { type Differing, firstDifference } from './difference.ts'
import { fromExactJson, toExactJson } from './exact-json.ts'
import { bodyOf, type Fed, feed, topicOf } from './feeding.ts'
import type { LoggedRecord } from './log-reader.ts'
import { type InputTopic, type Link, type Tap, tapped } from './tap.ts'

/** The first thing that is not as it was recorded. */
export interface Difference extends Differing {
  readonly record: number
  readonly topic: string
}

export type Snapshot = RecordOf<'/snapshot'>

/** The device of one file, driven record by record. */
export interface Replayer {
  /** Deals with the next record; says what differs. To be called again at once, or the device gets turns that it did not have. */
  step(): Difference | undefined | Promise<Difference | undefined>
  /** Records that are still to come. */
  readonly left: number
  /** Nothing of the device waits for its turn. */
  readonly quiet: boolean
  readonly counts: ReadonlyMap<RecordTopic, number>
  readonly lost: number
  readonly policyHash: string
  /** All that the device holds, as exact JSON. */
  state(): unknown
  /** What the snapshot has other than the device of the file before. */
  compareState(before: unknown): Difference | undefined
}

/** The snapshot that a file begins with; throws an Error where it has another form. */
export function readSnapshot(records: readonly LoggedRecord[]): Snapshot {
  const [first] = records
  if (first?.topic !== '/snapshot') throw new Error(`the first record must be a snapshot, got ${first?.topic}`)
  return bodyOf('/snapshot', first)
}

/** Throws an Error where the snapshot is none of this software; ExitError 2 where the engine is another one. */
export async function createReplayer(records: readonly LoggedRecord[], snapshot: Snapshot): Promise<Replayer> {
  const config = configOf(snapshot)
  const engine = (await loadEngine(config.engine))(configuredArchitecture(config))
  if (engine.id !== snapshot.engine)
    throw new ExitError('usage', `the engine must be ${snapshot.engine}, which recorded, got ${engine.id}`)

  let at = 1
  let [now, link]: [number, Link] = [snapshot.now, snapshot]
  let lost = 0
  /** What the device did and no record was compared with yet. */
  const done: { readonly topic: string; readonly members: string }[] = []
  /** Every question up to this record is answered. */
  let asked = 0
  let trouble: Difference | undefined
  let outstanding = 0
  let steps = 0
  let parked: (() => void)[] = []
  const counts = new Map<RecordTopic, number>()

  const differs = (place: number, differing: Differing): Difference => {
    const { record = -1, topic = '' } = records[place] ?? {}
    return { record, topic, ...differing }
  }

  const tap: Tap = {
    get now() {
      return now
    },
    get link() {
      return link
    },
    input(topic, _, work) {
      if (topic === '/in/learn') steps = 0
      if (topic === '/in/learn' || topic === '/in/mix') outstanding++
      return work()
    },
    output(topic, body) {
      const of = topic === '/out/failed' ? (body as { of: InputTopic }).of : topic
      if (of === '/out/learned' || of === '/out/mixed' || of === '/in/learn' || of === '/in/mix') outstanding--
      done.push({ topic, members: JSON.stringify(body) })
    },
    asked(what, of, ask) {
      while (asked < records.length && records[asked]?.topic !== '/asked') asked++
      const record = records[asked]
      // Where the log ends within something, what the device asks beyond is of no account.
      if (!record) return ask()
      const question = bodyOf('/asked', record)
      const expected = `${question.what} ${question.of}`
      const found = `${what} ${of}`
      if (expected !== found) trouble ??= differs(asked, { field: 'what', expected, found })
      else asked++
      return question.answer as ReturnType<typeof ask>
    },
    /** Learning stops where the next input came into it, so that the same steps are before and after. */
    pause() {
      steps++
      const next = nextInput()
      if (next === undefined || stepOf(next) !== steps) return undefined
      return new Promise((resolve) => {
        parked.push(resolve)
      })
    },
  }

  const nextInput = (): LoggedRecord | undefined => {
    for (let i = at; i < records.length; i++) if (records[i]?.topic.startsWith('/in/')) return records[i]
    return undefined
  }

  /** Lets what waits go on, learning that was stopped for an input last, until `ready`. */
  const until = async (ready: () => boolean): Promise<boolean> => {
    await settle()
    while (!ready() && parked.length > 0) {
      const [oldest, ...others] = parked
      parked = others
      oldest?.()
      await settle()
    }
    return ready()
  }

  let vehicle: VehicleHandlers | undefined
  const handlers: Fed['handlers'][number][] = []
  const options: DeviceOptions = {
    ...{ config, setting: settingOf(config), vehicle: snapshot.vehicle, engine, boot: snapshot.boot },
    software: snapshot.software,
    bus: {
      ...{ connected: false, connections: 0, publish() {}, clear() {}, close: async () => {} },
      subscribe: (_, __, handle) => void handlers.push(handle as Fed['handlers'][number]),
      onConnected: (handle) => void handlers.push(handle),
      onRefused: (handle) => void handlers.push(handle as Fed['handlers'][number]),
    },
    io: {
      start(given) {
        vehicle = given
      },
    },
    identity: { sign: () => emptySignature, verify: () => 'unknown-peer' },
    store: { load: () => ({ state: undefined, notes: snapshot.loaded }), save() {} },
    now: () => now,
    wallClock: () => '',
  }
  const device = createDevice(tapped(options, tap))
  if (!vehicle) throw new Error('a device must take its port')
  device.restore(fromExactJson(snapshot.state) as DeviceState)
  done.length = 0
  const fed: Fed = {
    ...{ device, vehicle, handlers },
    setNow(ms) {
      now = ms
    },
    setLink({ connected, connections }) {
      link = { connected, connections }
    },
  }

  const input = (record: LoggedRecord): Difference | undefined => {
    const place = at++
    const differing = feed(topicOf(record) as InputTopic, record, fed)
    return differing ? differs(place, differing) : trouble
  }

  const output = (record: LoggedRecord): Difference | undefined => {
    const found = done.shift()
    const place = at++
    if (!found) return trouble ?? differs(place, { field: '', expected: record.topic, found: 'nothing' })
    if (found.topic !== record.topic)
      return differs(place, { field: 'topic', expected: record.topic, found: found.topic })
    if (found.members === record.members) return trouble
    const differing = firstDifference(JSON.parse(record.members), JSON.parse(found.members))
    return differs(place, differing ?? { field: '', expected: record.members, found: found.members })
  }

  const question = (record: LoggedRecord): Difference | undefined => {
    const place = at++
    if (asked > place) return trouble
    const { what, of } = bodyOf('/asked', record)
    return trouble ?? differs(place, { field: 'what', expected: `${what} ${of}`, found: 'nothing' })
  }

  return {
    step() {
      const record = records[at]
      if (!record) return undefined
      const topic = topicOf(record)
      counts.set(topic, (counts.get(topic) ?? 0) + 1)
      if (topic === '/gap') {
        lost += bodyOf(topic, record).lost
        at++
        return undefined
      }
      const place = at
      const [ready, go] = topic.startsWith('/in/')
        ? [() => steps >= (stepOf(record) ?? 0), input]
        : topic === '/asked'
          ? [() => asked > place, question]
          : [() => done.length > 0, output]
      return ready() ? go(record) : until(ready).then(() => go(record))
    },
    get left() {
      return records.length - at
    },
    get quiet() {
      return outstanding === 0
    },
    counts,
    get lost() {
      return lost
    },
    get policyHash() {
      return device.policyHash
    },
    state: () => toExactJson(device.state()),
    compareState(before) {
      const differing = firstDifference(before, JSON.parse(JSON.stringify(snapshot.state)), 'state')
      return differing && differs(0, { ...differing, expected: differing.found, found: differing.expected })
    },
  }
}

function configOf({ config, vehicle }: Snapshot): Config {
  const validated = validateConfig(config)
  if (!validated.ok) throw new Error(`the snapshot's configuration: ${validated.detail}`)
  return { ...defaultConfig, ...validated.value, vehicle } as Config
}

const stepPattern = /"learningStep":(\d+)/

/** At which step of learning an input came; it stands near the beginning of the record. */
function stepOf({ members }: LoggedRecord): number | undefined {
  const found = stepPattern.exec(members.slice(0, 80))?.[1]
  return found === undefined ? undefined : Number(found)
}

/** So many turns are enough for everything that waits for nothing but its turn. */
const turns = 32

async function settle(): Promise<void> {
  for (let i = 0; i < turns; i++) await null
}
