import type { Bus, Refusal } from '../../device/bus/bus.ts'
import { createRng, type Rng } from '../../device/core/rng.ts'
import { type Act, type Obs, validateAct, validateObs } from '../../schemas/lock-step.ts'
import { type Address, type Channel, channels } from '../../schemas/topics.ts'
import { corrupt, isRefused } from './corruption.ts'
import { falsified } from './falsified.ts'
import { inWindow, type PlannedFault } from './fault-plan.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { isHeardOn, isSentOn } from './typed-channel.ts'

export interface FaultyBusOptions {
  readonly bus: Bus
  /** Whether messages travel as bytes; between typed objects in one process a corrupt message is lost instead. */
  readonly encoded: boolean
  readonly plan: readonly PlannedFault[]
  readonly seed: number
  /** Seconds per step. */
  readonly stepLength: number
  /** Simulated seconds in a second of the clock, by which partitions and freezes end. */
  readonly rtf: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Does something in `ms`; what is due at the same time is done in the order asked for. */
  readonly later: (ms: number, work: () => void) => void
}

/** A bus that faults of a scenario act on, on the bridge's side: devices need not know of it. */
export interface FaultyBus extends Bus, Pick<Ledger, 'blame' | 'touches' | 'effects'> {
  /** Says what simulated time it is. */
  at(epoch: number, step: number): void
}

type Direction = 'to-device' | 'from-device'

/** A message on its way through the faults. */
interface Passing {
  readonly vehicle: string
  readonly direction: Direction
  readonly message: Pick<Obs, 'kind' | 'epoch' | 'step' | 'seq'>
  /** How often this message has come by before. */
  readonly attempt: number
  readonly send: (damage?: { readonly bits: number; readonly rng: Rng }) => void
}

/**
 * Every draw has a stream of its own, named by fault, vehicle, direction, message and attempt: what befalls a message does
 * not depend on when it comes by.
 */
export function createFaultyBus(options: FaultyBusOptions): FaultyBus {
  const { bus, encoded, plan, seed, stepLength, rtf, now, later } = options
  const ledger = createLedger(plan)
  const lastPassed = new Map<string, { readonly seq: number; readonly attempt: number }>()
  /** End of a partition or freeze on the clock, by fault; and the epoch that it belongs to. */
  const episodes = new Map<number, { readonly epoch: number; readonly endsAt: number }>()
  /** Messages that wait to change places with the next one, by fault and direction. */
  const overtaken = new Map<string, () => void>()
  const refusedHandlers: ((refusal: Refusal) => void)[] = []
  let time = { epoch: 0, s: 0 }

  const rngOf = (index: number, { vehicle, direction, message }: Passing, ...more: (string | number)[]): Rng =>
    createRng(seed, 'faults', index, vehicle, direction, message.kind, message.epoch, message.step, ...more)

  const concerns = ({ index, fault, vehicles }: PlannedFault, passing: Passing): boolean => {
    const { vehicle, direction, message, attempt } = passing
    if (!vehicles.has(vehicle)) return false
    if (fault.kind === 'partition' || fault.kind === 'freeze') {
      if (fault.kind === 'freeze' && direction === 'to-device') return false
      return now() < (episodes.get(index)?.endsAt ?? Number.NEGATIVE_INFINITY)
    }
    if (!inWindow(fault, time)) return false
    if (fault.kind === 'skew') return direction === 'to-device'
    const chance = fault.probability ?? 1
    if (fault.kind === 'dropout' || fault.kind === 'noise') {
      const sensing = message.kind === 'decide' || (fault.kind === 'noise' && 'observation' in message)
      // A repeated question is the same question: its attempt does not matter.
      return direction === 'to-device' && sensing && rngOf(index, passing).uniform() < chance
    }
    if (fault.direction !== undefined && fault.direction !== 'both' && fault.direction !== direction) return false
    if (fault.messages && !fault.messages.includes(message.kind)) return false
    return chance === 1 || rngOf(index, passing, attempt).uniform() < chance
  }

  const pass = (passing: Passing, hits: readonly PlannedFault[]): void => {
    let waitMs = 0
    let copies = 1
    let damage: { bits: number; rng: Rng } | undefined
    let exchanged: string | undefined
    for (const { index, fault } of hits) {
      ledger.touch(index, passing.vehicle, passing.message.seq)
      if (fault.kind === 'drop' || fault.kind === 'partition') return
      if (fault.kind === 'delay')
        waitMs += fault.delayMs + (fault.jitterMs ?? 0) * rngOf(index, passing, passing.attempt, 'jitter').uniform()
      if (fault.kind === 'freeze') waitMs = Math.max(waitMs, (episodes.get(index)?.endsAt ?? 0) - now())
      if (fault.kind === 'duplicate') copies += fault.copies ?? 1
      if (fault.kind === 'corrupt')
        damage = { bits: fault.bits ?? 1, rng: rngOf(index, passing, passing.attempt, 'bits') }
      if (fault.kind === 'reorder' && !overtaken.has(`${index}/${passing.direction}`))
        exchanged = `${index}/${passing.direction}`
    }
    const emit = (): void => {
      for (let copy = 0; copy < copies; copy++) passing.send(damage)
    }
    const go = waitMs > 0 ? () => later(waitMs, emit) : emit
    if (exchanged !== undefined) {
      overtaken.set(exchanged, go)
      return
    }
    go()
    for (const { index, fault, vehicles } of plan)
      if (fault.kind === 'reorder' && vehicles.has(passing.vehicle)) release(`${index}/${passing.direction}`)
  }

  const release = (place: string): void => {
    const go = overtaken.get(place)
    overtaken.delete(place)
    go?.()
  }

  const attemptOf = (vehicle: string, direction: Direction, { seq }: { readonly seq: number }): number => {
    const last = lastPassed.get(`${vehicle}/${direction}`)
    const attempt = last?.seq === seq ? last.attempt + 1 : 0
    lastPassed.set(`${vehicle}/${direction}`, { seq, attempt })
    return attempt
  }

  const ask = (address: ObsAddress, original: Obs): void => {
    const { vehicle } = address
    ledger.asked(vehicle, original)
    let question = original
    const passing: Passing = {
      ...{ vehicle, direction: 'to-device', message: original },
      attempt: attemptOf(vehicle, 'to-device', original),
      send(damage) {
        if (!damage) bus.publish(channels.obs, address, question)
        else if (encoded)
          bus.publish(
            rawObs,
            address,
            damaged(question, damage, (b) => isRefused(b, validateObs)),
          )
      },
    }
    const hits = plan.filter((planned) => concerns(planned, passing))
    for (const { index, fault } of hits)
      question = falsified(question, fault, stepLength, () => rngOf(index, passing, 'noise'))
    pass(passing, hits)
  }

  const answer = (address: ObsAddress, act: Act, handler: (act: Act, address: ObsAddress) => void): void => {
    const { vehicle } = address
    const passing: Passing = {
      ...{ vehicle, direction: 'from-device', message: act },
      attempt: attemptOf(vehicle, 'from-device', act),
      send(damage) {
        if (!damage) return handler(act, address)
        const bytes = damaged(act, damage, (b) => isRefused(b, validateAct))
        const detail = `act of ${bytes.length} bytes does not match its schema`
        for (const told of refusedHandlers) told({ channel: 'act', address, reason: 'malformed', detail })
      },
    }
    pass(
      passing,
      plan.filter((planned) => concerns(planned, passing)),
    )
  }

  return {
    get connected() {
      return bus.connected
    },
    get connections() {
      return bus.connections
    },
    publish<K extends string, M>(channel: Channel<K, M>, address: Address<K>, message: M): void {
      const sent = [channel, address, message] as const
      if (isSentOn(channels.obs, sent)) ask(sent[1], sent[2])
      else bus.publish(channel, address, message)
    },
    subscribe<K extends string, M>(
      channel: Channel<K, M>,
      address: Partial<Address<K>>,
      handler: (message: M, address: Address<K>) => void,
    ): void {
      const wanted = [channel, address, handler] as const
      if (isHeardOn(channels.act, wanted))
        bus.subscribe(channels.act, wanted[1], (act, from) => answer(from, act, wanted[2]))
      else bus.subscribe(channel, address, handler)
    },
    clear: (channel, address) => bus.clear(channel, address),
    onConnected: (handler) => bus.onConnected(handler),
    onRefused(handler) {
      refusedHandlers.push(handler)
      bus.onRefused(handler)
    },
    close: () => bus.close(),
    at(epoch, step) {
      time = { epoch, s: step * stepLength }
      for (const { index, fault } of plan) {
        const present = inWindow(fault, time)
        if (fault.kind === 'reorder' && !present) for (const d of directions) release(`${index}/${d}`)
        if ((fault.kind !== 'partition' && fault.kind !== 'freeze') || !present) continue
        if (episodes.get(index)?.epoch === epoch) continue
        episodes.set(index, { epoch, endsAt: now() + (1_000 * (fault.until - time.s)) / rtf })
      }
    },
    blame: ledger.blame,
    touches: ledger.touches,
    effects: ledger.effects,
  }
}

type ObsAddress = Address<'fleet' | 'run' | 'vehicle'>

const directions: readonly Direction[] = ['to-device', 'from-device']

/** The topic of questions for bytes as they are. */
const rawObs: Channel<'fleet' | 'run' | 'vehicle', Uint8Array> = { ...channels.obs, validate: undefined }

function damaged(
  message: Obs | Act,
  { bits, rng }: { readonly bits: number; readonly rng: Rng },
  refused: (bytes: Uint8Array) => boolean,
): Uint8Array {
  return corrupt(Buffer.from(JSON.stringify(message)), bits, refused, rng)
}
