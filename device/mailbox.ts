import type { Reason } from '../schemas/reason.ts'
import type { Stateful } from './device-state.ts'
import type { Identity } from './identity.ts'
import { type Authentic, expectedOf, type Kind, openParams, type ReceivedPolicy } from './params.ts'
import type { DecodeParams } from './params-decoding.ts'

/** The newest parameters of each peer, checked on arrival; one per peer, so that no flood makes it grow. */
export interface Mailbox extends Stateful<MailboxState> {
  /** Checks a message; `refused` says why it was dropped. */
  receive(
    bytes: Uint8Array,
    sender: string,
  ): { readonly refused?: { readonly reason: Reason; readonly detail: string } }
  /** What is held of a peer under exactly this hash. */
  held(peer: string, hash: string): Held | undefined
}

/** A policy to consider, or the reason why the authentic message of that hash was refused. */
export type Held =
  | { readonly ok: true; readonly received: ReceivedPolicy }
  | { readonly ok: false; readonly reason: Reason; readonly authentic: Authentic }

/** The newest of each peer, in order of their first message. */
export type MailboxState = readonly { readonly peer: string; readonly held: Held }[]

/** Peers tracked at most; members of the fleet only, since nobody else's signature holds. */
const maxPeers = 4096

export function createMailbox(
  fleet: string,
  kind: Kind,
  identity: Identity,
  { maxBytes, decode }: { readonly maxBytes?: number; readonly decode?: DecodeParams | undefined } = {},
): Mailbox {
  const expected = expectedOf(kind)
  const newest = new Map<string, Held>()
  const authenticOf = (held: Held): Authentic => (held.ok ? held.received : held.authentic)
  return {
    receive(bytes, sender) {
      const known = newest.get(sender)
      const last = known && authenticOf(known)
      const arrival = { fleet, vehicle: sender, last, ...(maxBytes && { maxBytes }) }
      const opened = openParams(bytes, arrival, expected, identity, decode)
      if (opened.ok) {
        if (known || newest.size < maxPeers) newest.set(sender, opened)
        return {}
      }
      const { reason, detail, authentic } = opened
      if (authentic && (known || newest.size < maxPeers)) newest.set(sender, { ok: false, reason, authentic })
      return { refused: { reason, detail } }
    },
    state: () => [...newest].map(([peer, held]) => ({ peer, held })),
    restore(state) {
      newest.clear()
      for (const { peer, held } of state) newest.set(peer, held)
    },
    held(peer, hash) {
      const held = newest.get(peer)
      return held && authenticOf(held).hash === hash ? held : undefined
    },
  }
}
