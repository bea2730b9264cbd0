import { formatVersion } from '../../schemas/validator.ts'
import { createDevice, type Device } from '../device.ts'
import type { DeviceOptions } from '../device-options.ts'
import { toExactJson } from './exact-json.ts'
import { withoutPlaces } from './places.ts'
import type { RecordLog } from './record-log.ts'
import type { InputTopic, Link, Tap } from './tap.ts'
import { tapped } from './tapped.ts'

/** Idle looks at the clock that wait for the next record: all of them in one. */
const maxIdleTicks = 40

/**
 * A device that writes down what goes in and out of it, so that `replayLog` can compute it again. `machine` is for people.
 * The bus must not deliver anything while the device publishes, as no bus over a network does.
 */
export function createRecordedDevice(options: DeviceOptions, log: RecordLog, machine: string): Device {
  const { bus, config } = options
  let now = options.now()
  let link: Link = linkOf(options)
  let idle: number[] = []
  let steps: number | undefined
  /** Learning and mixing under way: only between them a snapshot says everything. */
  let outstanding = 0
  let learnings = 0

  const append = (topic: Parameters<RecordLog['append']>[0], body: object): void => {
    flushTicks()
    log.append(topic, body)
  }
  const flushTicks = (): void => {
    if (idle.length === 0) return
    const times = idle
    idle = []
    log.append('/in/ticks', { now: times.at(-1), ...(steps !== undefined && { learningStep: steps }), times })
  }
  const noticeLink = (): void => {
    now = options.now()
    const { connected, connections } = bus
    if (connected === link.connected && connections === link.connections) return
    link = { connected, connections }
    append('/in/link', { now, ...(steps !== undefined && { learningStep: steps }), connected, connections })
  }

  const tap: Tap = {
    get now() {
      return now
    },
    get link() {
      return link
    },
    input(topic, body, work) {
      noticeLink()
      if (occasions.has(topic) && outstanding === 0 && log.wantsSnapshot) snapshot()
      append(topic, { now, ...(steps !== undefined && { learningStep: steps }), ...body() })
      if (topic === '/in/learn' || topic === '/in/mix') outstanding++
      if (topic === '/in/learn') [steps, learnings] = [0, learnings + 1]
      return work()
    },
    output(topic, body) {
      append(topic, body)
      const of = topic === '/out/failed' ? (body as { of: InputTopic }).of : topic
      if (!answers.has(of)) return
      outstanding--
      // One that was given up answers before the one that came after it.
      if (of !== '/out/mixed' && of !== '/in/mix' && --learnings === 0) steps = undefined
    },
    asked(what, of, ask) {
      const answer = ask()
      append('/asked', { what, of, answer })
      return answer
    },
    pause() {
      if (steps !== undefined) steps++
      return options.pause?.()
    },
  }

  let loaded: readonly string[] = []
  const { store } = options
  const watchedStore = store && {
    ...store,
    load() {
      const found = store.load()
      loaded = found.notes
      return found
    },
  }
  const device = createDevice(tapped({ ...options, ...(watchedStore && { store: watchedStore }) }, tap))

  const snapshot = (): void => {
    flushTicks()
    log.begin({
      version: formatVersion,
      ...{
        vehicle: options.vehicle,
        boot: options.boot,
        software: options.software,
        engine: options.engine.id,
        machine,
      },
      ...{ time: options.wallClock(), now, ...link, config: withoutPlaces(config), loaded },
      ports: portsOf(options),
      state: toExactJson(device.state()),
    })
  }
  snapshot()

  return {
    ...device,
    get policyHash() {
      return device.policyHash
    },
    tick() {
      noticeLink()
      const news = log.news()
      if (news !== undefined)
        tap.input(
          '/in/note',
          () => ({ text: news }),
          () => device.note('recorder', news),
        )
      idle.push(now)
      device.tick()
      if (steps !== undefined || idle.length >= maxIdleTicks) flushTicks()
    },
    surroundingsChanged: () =>
      tap.input(
        '/in/clock',
        () => ({}),
        () => device.surroundingsChanged(),
      ),
    stop: () =>
      tap.input(
        '/in/stop',
        () => ({}),
        () => device.stop(),
      ),
  }
}

/** When a snapshot, which takes some milliseconds, is in nobody's way. */
const occasions: ReadonlySet<string> = new Set(['/in/reset', '/in/learn'])
/** What ends learning and mixing, well or not. */
const answers: ReadonlySet<string> = new Set(['/out/learned', '/out/mixed', '/in/learn', '/in/mix'])

/** What the device was given beside bus and car; the replay gives it the like. */
function portsOf({ clock, commands, identity, lastUpdate }: DeviceOptions) {
  const { keep, reload, requestUpdate } = commands ?? {}
  const given = { clock, commands, keep, reload, requestUpdate, lastUpdate, isRevoked: identity.isRevoked }
  return Object.entries(given).flatMap(([name, port]) => (port ? [name] : []))
}

function linkOf({ bus: { connected, connections } }: DeviceOptions): Link {
  return { connected, connections }
}
