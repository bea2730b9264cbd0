import type { Bus } from '../device/bus/bus.ts'
import type { Act, Obs } from '../schemas/lock-step.ts'
import type { Status } from '../schemas/status.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'

export interface LockStepOptions {
  readonly bus: Bus
  readonly fleet: string
  readonly run: string
  readonly vehicles: readonly string[]
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Wall-clock limit of one answer; it exists only to survive a death. */
  readonly answerTimeoutMs: number
  /** Told when a vehicle leaves the barrier, with the cause. */
  readonly onLeft?: (vehicle: string, cause: string) => void
  readonly observer?: LockStepObserver
  /** Tells this bridge's questions from those of another bridge of the run; without one they count as the same one's. */
  readonly session?: string | undefined
}

/** Told of what passes, for measurements; no run depends on it. */
export interface LockStepObserver {
  /** The answer that counts, and the milliseconds since its question was sent for the first time. */
  answered(vehicle: string, answer: Act, roundTripMs: number): void
  /** A question was sent again. */
  repeated(vehicle: string): void
  /** An answer came that nobody waits for. */
  ignored(vehicle: string): void
}

/** What differs between the messages: everything but the envelope, which the lock-step adds. */
export type Question = Obs extends infer O ? (O extends Obs ? Omit<O, Envelope> : never) : never
type Envelope = 'version' | 'run' | 'seq' | 'session'

export type DecideQuestion = Extract<Question, { kind: 'decide' }>

export interface LockStep {
  /** Vehicles that answered their last `reset` and were neither offline nor too late since. */
  readonly live: ReadonlySet<string>
  readonly online: ReadonlySet<string>
  /** What each vehicle said of itself last. */
  readonly statuses: ReadonlyMap<string, Status>
  /**
   * Asks one vehicle; undefined when it leaves the barrier instead of answering. A vehicle has one question of its round
   * (`learn`, `mix`) and one of any other kind at a time: one more waits, unsent, for the answers to those before it. A
   * function is called for the decision when it is sent; one that has none any more withdraws it, which answers undefined.
   */
  ask(vehicle: string, question: Question | (() => DecideQuestion | undefined)): Promise<Act | undefined>
  /** The kinds of the questions to the vehicle that are outstanding. */
  outstanding(vehicle: string): Obs['kind'][]
  /** Resolves when all are online or after `timeoutMs`. */
  gathered(timeoutMs: number): Promise<void>
  /** Repeats what is outstanding and expires what is too old; call it a few times a second. */
  tick(): void
  /** Lets everything outstanding go unanswered, and whatever is asked from now on. */
  abandon(): void
}

interface Outstanding {
  readonly message: Obs
  readonly settle: (answer: Act | undefined) => void
  readonly firstSentAt: number
  askedAt: number
  sentAt: number
}

interface Waiting {
  readonly question: Question | (() => DecideQuestion | undefined)
  readonly settle: (answer: Act | undefined) => void
}

/** Questions of a kind that are answered one after the other. */
interface Lane {
  outstanding: Outstanding | undefined
  waiting: Waiting[]
}

/** Learning and mixing go on beside decisions. */
type Lanes = Readonly<Record<'control' | 'round', Lane>>

const resendAfterMs = 1_000

/**
 * One side of the lock-step: every `obs` gets exactly one `act` with the same `seq`. What is outstanding is repeated when
 * either side reconnects and once a second; an answer that comes twice counts once, so repetition never changes a run.
 */
export function createLockStep(options: LockStepOptions): LockStep {
  const { bus, fleet, run, vehicles, now, answerTimeoutMs, observer, session } = options
  const lanes = new Map<string, Lanes>()
  const statuses = new Map<string, Status>()
  const live = new Set<string>()
  const online = new Set<string>()
  const bootAtReset = new Map<string, number>()
  const seqs = new Map<string, number>()
  let gatheredCheck: (() => void) | undefined
  let giveUpGathering: () => void = () => {}
  const known = new Set(vehicles)
  let abandoned = false

  const lanesOf = (vehicle: string): Lane[] => Object.values(lanes.get(vehicle) ?? {})

  const leave = (vehicle: string, cause: string): void => {
    const was = live.delete(vehicle)
    const all = lanesOf(vehicle)
    const pending = all.flatMap(({ outstanding }) => outstanding ?? [])
    const unsent = all.flatMap(({ waiting }) => waiting)
    lanes.delete(vehicle)
    if (was || pending.length > 0) options.onLeft?.(vehicle, cause)
    for (const { settle } of [...pending, ...unsent]) settle(undefined)
  }

  const send = (vehicle: string, entry: Outstanding): void => {
    entry.sentAt = now()
    bus.publish(channels.obs, { fleet, run, vehicle }, entry.message)
  }

  const repeat = (vehicle: string, entry: Outstanding): void => {
    observer?.repeated(vehicle)
    send(vehicle, entry)
  }

  const put = (vehicle: string, lane: Lane, { question, settle }: Waiting): void => {
    const asked = typeof question === 'function' ? question() : question
    if (!asked) {
      settle(undefined)
      putNext(vehicle, lane)
      return
    }
    const seq = (seqs.get(vehicle) ?? 0) + 1
    seqs.set(vehicle, seq)
    const message = { version: formatVersion, run, seq, ...(session !== undefined && { session }), ...asked } as Obs
    const time = now()
    lane.outstanding = { message, settle, firstSentAt: time, askedAt: time, sentAt: time }
    send(vehicle, lane.outstanding)
  }

  const putNext = (vehicle: string, lane: Lane): void => {
    const next = lane.outstanding ? undefined : lane.waiting.shift()
    if (next) put(vehicle, lane, next)
  }

  bus.subscribe(channels.status, { fleet }, (status, { vehicle }) => {
    if (!known.has(vehicle)) return
    const last = statuses.get(vehicle)
    // Only a will can be late; who is online with a lower boot counts anew, after a retained status of an earlier run.
    if (status.state === 'offline' && last && isOlder(status, last)) return
    statuses.set(vehicle, status)
    if (status.state === 'offline') {
      online.delete(vehicle)
      leave(vehicle, `${vehicle} went offline`)
      return
    }
    online.add(vehicle)
    const boot = bootAtReset.get(vehicle)
    if (live.has(vehicle) && boot !== undefined && boot !== status.boot) leave(vehicle, `${vehicle} restarted`)
    if (status.connection !== last?.connection || status.boot !== last.boot)
      for (const { outstanding } of lanesOf(vehicle)) if (outstanding) repeat(vehicle, outstanding)
    gatheredCheck?.()
  })

  bus.subscribe(channels.act, { fleet, run }, (act, { vehicle }) => {
    const lane = lanes.get(vehicle)?.[laneOf(act.kind)]
    const pending = lane?.outstanding
    const isOurs = act.run === run && act.session === session
    if (!pending || !isOurs || act.seq !== pending.message.seq || act.kind !== pending.message.kind) {
      observer?.ignored(vehicle)
      return
    }
    lane.outstanding = undefined
    observer?.answered(vehicle, act, now() - pending.firstSentAt)
    if (act.kind === 'reset') {
      live.add(vehicle)
      bootAtReset.set(vehicle, statuses.get(vehicle)?.boot ?? 0)
    }
    pending.settle(act)
    putNext(vehicle, lane)
  })

  bus.onConnected(() => {
    for (const vehicle of lanes.keys())
      for (const { outstanding } of lanesOf(vehicle)) {
        if (!outstanding) continue
        outstanding.askedAt = now()
        repeat(vehicle, outstanding)
      }
  })

  return {
    ...{ live, online, statuses },
    ask(vehicle, question) {
      if (abandoned) return Promise.resolve(undefined)
      return new Promise((settle) => {
        const all = lanes.get(vehicle) ?? { control: emptyLane(), round: emptyLane() }
        lanes.set(vehicle, all)
        const lane = all[typeof question === 'function' ? 'control' : laneOf(question.kind)]
        if (lane.outstanding) lane.waiting.push({ question, settle })
        else put(vehicle, lane, { question, settle })
      })
    },
    outstanding: (vehicle) => lanesOf(vehicle).flatMap(({ outstanding }) => outstanding?.message.kind ?? []),
    gathered(timeoutMs) {
      const deadline = now() + timeoutMs
      return new Promise((resolve) => {
        gatheredCheck = () => {
          if (online.size < known.size && now() < deadline) return
          giveUpGathering()
        }
        giveUpGathering = () => {
          gatheredCheck = undefined
          resolve()
        }
        gatheredCheck()
      })
    },
    tick() {
      gatheredCheck?.()
      if (!bus.connected) return
      for (const vehicle of [...lanes.keys()])
        for (const { outstanding } of lanesOf(vehicle)) {
          if (!outstanding || !lanes.has(vehicle)) continue
          if (now() - outstanding.askedAt > answerTimeoutMs)
            leave(vehicle, `${vehicle} did not answer ${outstanding.message.kind} within ${answerTimeoutMs} ms`)
          else if (now() - outstanding.sentAt > resendAfterMs) repeat(vehicle, outstanding)
        }
    },
    abandon() {
      abandoned = true
      giveUpGathering()
      for (const vehicle of [...lanes.keys()])
        if (lanesOf(vehicle).some(({ outstanding }) => outstanding)) leave(vehicle, 'the run ended')
    },
  }
}

/** Whether a status is of an earlier start or connection than another one: a will can come late. */
export function isOlder(status: Status, than: Status): boolean {
  return status.boot < than.boot || (status.boot === than.boot && status.connection < than.connection)
}

function emptyLane(): Lane {
  return { outstanding: undefined, waiting: [] }
}

function laneOf(kind: Obs['kind']): keyof Lanes {
  return kind === 'learn' || kind === 'mix' ? 'round' : 'control'
}
