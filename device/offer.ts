import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Bus } from './bus/bus.ts'
import type { Stateful } from './device-state.ts'
import type { Identity } from './identity.ts'
import { createSealer, type Kind } from './params.ts'
import type { OnSealed } from './params-decoding.ts'

export interface OfferOptions {
  readonly bus: Bus
  readonly fleet: string
  readonly cell: string
  readonly vehicle: string
  readonly boot: number
  readonly kind: Kind
  readonly identity: Identity
  readonly now: () => number
  readonly wallClock: () => string
  readonly onSealed?: OnSealed | undefined
}

/** What a device offers its peers: the policy of its last update, pushed unasked and again when wanted. */
export interface Offer extends Stateful<OfferState> {
  /** Takes a new policy and publishes it. */
  renew(policy: Float32Array, hash: string, updates: number): void
  /** Publishes the present one under a new sequence; nothing before the first. */
  publish(): void
}

export interface OfferState {
  readonly offered: { readonly policy: Float32Array; readonly hash: string; readonly updates: number } | undefined
  readonly sequence: number
  readonly republishedAt: number
}

/** However often peers ask, the same policy goes out at most this often. */
const republishEveryMs = 500

export function createOffer(options: OfferOptions): Offer {
  const { bus, fleet, cell, vehicle, boot, kind, identity, now } = options
  let offered: OfferState['offered']
  const seal = createSealer(kind, identity, options.onSealed)
  let sequence = 0
  let republishedAt = Number.NEGATIVE_INFINITY

  const publish = (): void => {
    if (!offered) return
    const { policy, hash, updates } = offered
    sequence++
    const header = { fleet, vehicle, boot, sequence, updates, time: options.wallClock(), cell }
    const bytes = seal(policy, header, hash)
    const { observationSize, actionSize, hidden } = kind.architecture
    bus.publish(channels.params, { fleet, cell, vehicle }, bytes)
    bus.publish(
      channels.ann,
      { fleet, cell, vehicle },
      {
        version: formatVersion,
        boot,
        sequence,
        policyHash: hash,
        size: bytes.length,
        dims: [observationSize, ...hidden, actionSize],
        expires: null,
      },
    )
  }

  bus.subscribe(channels.want, { fleet, cell, vehicle }, ({ hash }) => {
    if (offered?.hash !== hash || now() - republishedAt < republishEveryMs) return
    republishedAt = now()
    publish()
  })

  return {
    publish,
    state: () => ({ offered, sequence, republishedAt }),
    restore(state) {
      ;({ offered, sequence, republishedAt } = state)
    },
    renew(policy, hash, updates) {
      offered = { policy, hash, updates }
      publish()
    },
  }
}
