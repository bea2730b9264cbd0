import type { Bus } from '../device/bus/bus.ts'
import { aggregate } from '../device/core/aggregate.ts'
import type { Vector } from '../device/core/engine.ts'
import { type Identity, policyHash } from '../device/identity.ts'
import type { Mixed, Round } from '../device/io.ts'
import { createMailbox } from '../device/mailbox.ts'
import { type Kind, sealParams } from '../device/params.ts'
import type { DecodeParams } from '../device/params-decoding.ts'
import { createSimIo } from '../device/sim-io.ts'
import { aggregatorId, channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'

export interface AggregatorOptions {
  readonly bus: Bus
  readonly fleet: string
  readonly cell: string
  readonly run: string
  readonly kind: Kind
  readonly identity: Identity
  readonly boot: number
  readonly software: string
  readonly now: () => number
  readonly wallClock: () => string
  /** How parameter messages are decoded, where devices of the same process share the work. */
  readonly decode?: DecodeParams
}

export interface Aggregator {
  /** Asks again for what is missing; call it a few times a second. */
  tick(): void
  offline(connection: number): { version: 1; state: 'offline'; boot: number; connection: number }
}

/**
 * The letter's central server of DRL-Ave: each round the mean of all listed policies, summed in code-unit order of ids in
 * float64. It takes part in the lock-step like a vehicle, so that the round waits for it.
 */
export function createAggregator(options: AggregatorOptions): Aggregator {
  const { bus, fleet, cell, run, kind, identity, boot, now } = options
  const mailbox = createMailbox(fleet, kind, identity, { decode: options.decode })
  const nothing = '0'.repeat(64)
  let published: { readonly policy: Float64Array; readonly hash: string } | undefined
  let sequence = 0
  let republishedAt = Number.NEGATIVE_INFINITY
  let pending: { round: Round; askedAt: number; finish: (mixed: Mixed) => void } | undefined

  const missing = ({ round }: { round: Round }): [string, string][] =>
    Object.entries(round.policies).filter(([vehicle, hash]) => !mailbox.held(vehicle, hash))

  const publish = (): void => {
    if (!published) return
    const header = {
      fleet,
      vehicle: aggregatorId,
      boot,
      sequence: ++sequence,
      updates: 0,
      time: options.wallClock(),
      cell,
    }
    bus.publish(channels.aggregate, { fleet }, sealParams(published.policy, header, kind, identity))
  }

  const settle = (): void => {
    if (!pending || missing(pending).length > 0) return
    const { round, finish } = pending
    pending = undefined
    const policies: Vector[] = []
    for (const [vehicle, hash] of Object.entries(round.policies).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const held = mailbox.held(vehicle, hash)
      if (held?.ok) policies.push(held.received.policy)
    }
    if (policies.length > 0) {
      const policy = aggregate(policies)
      published = { policy, hash: policyHash(policy) }
      publish()
    }
    finish({ policyHash: published?.hash ?? nothing, verdicts: [], refused: {} })
  }

  bus.subscribe(channels.params, { fleet, cell }, (bytes, { vehicle }) => {
    mailbox.receive(bytes, vehicle)
    settle()
  })
  bus.subscribe(channels.want, { fleet, cell, vehicle: aggregatorId }, ({ hash }) => {
    if (published?.hash !== hash || now() - republishedAt < 500) return
    republishedAt = now()
    publish()
  })
  createSimIo(bus, fleet, run, aggregatorId).start({
    reset() {
      pending = undefined
      return published?.hash ?? nothing
    },
    end: () => published?.hash ?? nothing,
    decide: () => ({ command: { acceleration: 0 } }),
    learn: async () => ({ policyHash: nothing, samples: 0, updates: 0, return: 0 }),
    mix: (round) =>
      new Promise((finish) => {
        pending = { round, askedAt: now(), finish }
        settle()
      }),
  })
  bus.onConnected(() => {
    const state = { version: formatVersion, state: 'online', boot, connection: bus.connections } as const
    bus.publish(channels.status, { fleet, vehicle: aggregatorId }, { ...state, software: options.software })
    publish()
  })

  return {
    tick() {
      if (!pending || now() - pending.askedAt < 1_000) return
      pending.askedAt = now()
      for (const [peer, hash] of missing(pending))
        bus.publish(
          channels.want,
          { fleet, cell, vehicle: peer },
          { version: formatVersion, peer: aggregatorId, hash, round: pending.round.epoch },
        )
    },
    offline: (connection) => ({ version: formatVersion, state: 'offline', boot, connection }),
  }
}
