import type { Address, Channel } from '../../schemas/topics.ts'

/** Whether something is published on this channel, which says what its address and its message are. */
export function isSentOn<K extends string, M>(
  channel: Channel<K, M>,
  sent: readonly [unknown, unknown, unknown],
): sent is readonly [Channel<K, M>, Address<K>, M] {
  return sent[0] === channel
}

/** Whether somebody subscribes to this channel, which says what address and handler are. */
export function isHeardOn<K extends string, M>(
  channel: Channel<K, M>,
  wanted: readonly [unknown, unknown, unknown],
): wanted is readonly [Channel<K, M>, Partial<Address<K>>, (message: M, address: Address<K>) => void] {
  return wanted[0] === channel
}
