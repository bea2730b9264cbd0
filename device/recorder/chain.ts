import { createHash } from 'node:crypto'

/** Bytes of an MCAP message record before its data: opcode, length, channel, sequence, two times. */
export const messageHead = 31

/** How every message begins; what follows are the 64 digits of its chain. */
export const chainMark = '{"chain":"'
const chainAt = messageHead + chainMark.length
const chainDigits = 64
const blank = '0'.repeat(chainDigits)
const blankBytes = Buffer.from(blank)

/** The text of a message before its chain is known. */
export function unchained(record: number, body: object): string {
  const members = JSON.stringify(body).slice(1)
  return `${chainMark}${blank}","record":${record}${members === '}' ? '' : ','}${members}`
}

/** The members of a message beside its chain and number, as they were written; undefined where it has another form. */
export function membersOf(data: Buffer): { readonly record: number; readonly members: string } | undefined {
  const head = /^","record":(\d{1,15})([,}])/.exec(data.toString('latin1', chainMark.length + chainDigits, 110))
  if (!head || !data.toString('latin1', 0, chainMark.length).startsWith(chainMark)) return undefined
  const from = chainMark.length + chainDigits + head[0].length
  return { record: Number(head[1]), members: head[2] === '}' ? '{}' : `{${data.toString('utf8', from)}` }
}

/**
 * Writes the chain into a message record: SHA-256 over the chain before (32 bytes) and the whole record, framing included,
 * with zeros for its own digits. Returns the 32 bytes.
 */
export function seal(record: Buffer, before: Uint8Array): Buffer {
  const chain = createHash('sha256').update(before).update(record).digest()
  record.write(chain.toString('hex'), chainAt, 'latin1')
  return chain
}

/** The chain after a message record if it states the right one. */
export function follow(record: Buffer, before: Uint8Array): Buffer | undefined {
  const digest = createHash('sha256').update(before).update(record.subarray(0, chainAt)).update(blankBytes)
  const chain = digest.update(record.subarray(chainAt + chainDigits)).digest()
  return record.toString('latin1', chainAt, chainAt + chainDigits) === chain.toString('hex') ? chain : undefined
}
