import {
  type CommandBody,
  type CommandOrder,
  type CommandReason,
  isCommandName,
  validateCommandBody,
  validateOrder,
} from '../../schemas/command.ts'
import { validId } from '../../schemas/topics.ts'
import type { Acknowledgement, CommandMessage } from '../../schemas/trust.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { ClockReading } from '../clock.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import type { Stateful } from '../device-state.ts'
import { publicKeyOf, sha256, signatureHolds } from '../identity.ts'

/** One who may sign commands. */
export interface Operator {
  /** Ed25519 public key: 32 raw bytes in base64. */
  readonly key: string
  /** Names of the commands that are allowed. */
  readonly commands: readonly string[]
  readonly revoked?: boolean | undefined
}

export interface CommandJudgeOptions {
  readonly fleet: string
  readonly vehicle: string
  /** The running boot. */
  readonly boot: number
  /** Read for every command, so that a newer roster counts at once. */
  readonly operators: (id: string) => Operator | undefined
  readonly clock: () => ClockReading
}

/** What is to be done about a message. */
export type JudgedCommand =
  /** Carry it out, then answer with what `settle` makes of the outcome. */
  | {
      readonly kind: 'execute'
      readonly order: CommandOrder
      readonly operator: string
      readonly settle: (outcome: Outcome) => Acknowledgement
    }
  /** Answer: refused, or done before and only asked again. */
  | { readonly kind: 'answer'; readonly ack: Acknowledgement; readonly repeated: boolean }
  /** Nobody to answer, or the answer is still to come. */
  | { readonly kind: 'drop'; readonly reason: CommandReason | 'pending'; readonly detail: string }

/** What carrying a command out came to. */
export type Outcome =
  | { readonly result: 'done'; readonly detail?: string }
  | { readonly result: 'refused'; readonly reason: CommandReason; readonly detail: string }

/**
 * Judges signed commands: size, operator, signature, form, addressee, boot, counter, permission, expiry, arguments. Owns the
 * counters of this boot, of which a restart needs none: it counts `boot` up, and what was signed for the old one is refused.
 */
export interface CommandJudge extends Stateful<CommandJudgeState> {
  /** `name` is that of the topic. Never throws. */
  judge(message: CommandMessage, name: string): JudgedCommand
}

/** The highest counter of each operator and the answers remembered. */
export interface CommandJudgeState {
  readonly highest: readonly { readonly operator: string; readonly counter: number }[]
  readonly remembered: readonly ({ readonly place: string } & Remembered)[]
}

/** Longest body, bytes. */
const maxBytes = 4096
/** Answers remembered, of all operators together; who repeats something older is told that it is replayed. */
const maxRemembered = 256

interface Remembered {
  readonly digest: string
  ack: Acknowledgement | undefined
}

export function createCommandJudge(options: CommandJudgeOptions): CommandJudge {
  const { fleet, vehicle, boot, operators, clock } = options
  /** Of operators whose signature held: no more than there are operators. */
  const highest = new Map<string, number>()
  const remembered = new Map<string, Remembered>()

  const judge = (message: CommandMessage, name: string): JudgedCommand => {
    const bytes = Buffer.from(message.body, 'utf8')
    if (bytes.length > maxBytes) return drop('over-size', `body must be at most ${maxBytes} bytes, got ${bytes.length}`)
    const read = readBody(message.body, bytes)
    if (!read) return drop('malformed', 'body must be JSON in UTF-8 with operator and counter')
    const { value, operator: id, counter } = read
    const refuse = (reason: CommandReason, detail: string): JudgedCommand => {
      return { kind: 'answer', ack: refusalOf(id, counter, reason, detail), repeated: false }
    }

    const operator = operators(id)
    if (!operator) return refuse('unknown-operator', `operator must be one of the fleet's, got ${id}`)
    if (operator.revoked) return refuse('revoked', `${id} is revoked`)
    if (!isSignedBy(operator, bytes, message.signature))
      return refuse('bad-signature', `signature must be that of ${id} over exactly these bytes`)
    const checked = validateCommandBody(value)
    if (!checked.ok) return refuse(checked.reason, checked.detail)
    const { value: body } = checked
    const misdirected = misdirection(body, name)
    if (misdirected) return refuse(...misdirected)

    const place = `${id}/${counter}`
    const before = remembered.get(place)
    const digest = sha256(bytes)
    if (before && before.digest !== digest)
      return refuse('counter-reused', `counter must be new, got ${counter} with another command`)
    if (before)
      return before.ack
        ? { kind: 'answer', ack: before.ack, repeated: true }
        : drop('pending', `${body.name} is being carried out`)
    const last = highest.get(id) ?? -1
    if (counter <= last) return refuse('replayed', `counter must be above ${last}, got ${counter}`)

    // From here on the counter is spent, whatever becomes of the command.
    highest.set(id, counter)
    const [oldest] = remembered.size >= maxRemembered ? remembered.keys() : []
    if (oldest !== undefined) remembered.delete(oldest)
    const entry: Remembered = { digest, ack: undefined }
    remembered.set(place, entry)
    const order = permitted(body, operator)
    if ('reason' in order) {
      entry.ack = refusalOf(id, counter, order.reason, order.detail)
      return { kind: 'answer', ack: entry.ack, repeated: false }
    }
    return {
      kind: 'execute',
      order: order.order,
      operator: id,
      settle(outcome) {
        entry.ack = acknowledge(id, counter, outcome)
        return entry.ack
      },
    }
  }

  const misdirection = (body: CommandBody, name: string): [CommandReason, string] | undefined => {
    if (body.fleet !== fleet) return ['wrong-fleet', `fleet must be ${fleet}, got ${body.fleet}`]
    if (body.vehicle !== vehicle) return ['wrong-vehicle', `vehicle must be ${vehicle}, got ${body.vehicle}`]
    if (body.name !== name) return ['wrong-name', `topic is of ${name}, command of ${body.name}`]
    if (body.boot !== boot) return ['wrong-boot', `boot must be ${boot}, got ${body.boot}`]
    return undefined
  }

  const permitted = (
    { name, args, expires }: CommandBody,
    operator: Operator,
  ): { readonly order: CommandOrder } | { readonly reason: CommandReason; readonly detail: string } => {
    if (!isCommandName(name)) return { reason: 'unknown-command', detail: `no command is called ${name}` }
    if (!operator.commands.includes(name))
      return { reason: 'not-allowed', detail: `allowed are ${operator.commands.join(', ') || 'none'}, got ${name}` }
    const late = expires === null ? undefined : lateness(expires, clock())
    if (late) return late
    const order = validateOrder(name, args)
    return order.ok ? { order: order.value } : { reason: 'malformed', detail: `args of ${name}: ${order.detail}` }
  }

  return {
    judge,
    state: () => ({
      highest: [...highest].map(([operator, counter]) => ({ operator, counter })),
      remembered: [...remembered].map(([place, entry]) => ({ place, ...entry })),
    }),
    restore(state) {
      highest.clear()
      for (const { operator, counter } of state.highest) highest.set(operator, counter)
      remembered.clear()
      for (const { place, digest, ack } of state.remembered) remembered.set(place, { digest, ack })
    },
  }
}

/** Parsed, with what an answer needs. A key that is there twice is refused: another reader could keep the other value. */
function readBody(
  text: string,
  bytes: Buffer,
): { readonly value: unknown; readonly operator: string; readonly counter: number } | undefined {
  // Half of a surrogate pair has no bytes of its own: two texts would have the same signature.
  if (bytes.toString('utf8') !== text) return undefined
  try {
    if (!(parseStrictJson(text) instanceof Map)) return undefined
    const value = JSON.parse(text) as Readonly<Record<string, unknown>>
    const { operator, counter } = value
    if (typeof operator !== 'string' || !validId.test(operator)) return undefined
    if (typeof counter !== 'number' || !Number.isSafeInteger(counter) || counter < 0) return undefined
    return { value, operator, counter }
  } catch {
    return undefined
  }
}

function isSignedBy({ key }: Operator, bytes: Uint8Array, signature: string): boolean {
  try {
    return signatureHolds(publicKeyOf('the operator', key), bytes, signature)
  } catch {
    return false
  }
}

/** What lies before the floor is over whatever the clock shows; otherwise only a clock that is set can say. */
function lateness(
  expires: string,
  { state, why, timeMs, floorMs }: ClockReading,
): { readonly reason: CommandReason; readonly detail: string } | undefined {
  const expiresMs = Date.parse(expires)
  if (!Number.isFinite(expiresMs)) return { reason: 'malformed', detail: `expires must be a date, got ${expires}` }
  if (expiresMs <= floorMs) return { reason: 'expired', detail: `expired at ${expires}` }
  if (state !== 'synchronised')
    return { reason: 'clock-not-synchronised', detail: `whether ${expires} is over cannot be judged: ${why}` }
  return timeMs < expiresMs ? undefined : { reason: 'expired', detail: `expired at ${expires}` }
}

function acknowledge(operator: string, counter: number, outcome: Outcome): Acknowledgement {
  if (outcome.result === 'refused') return refusalOf(operator, counter, outcome.reason, outcome.detail)
  const { detail } = outcome
  const told = detail === undefined ? {} : { detail: detail.slice(0, maxDetail) }
  return { version: formatVersion, operator, counter, result: 'done', reason: 'done', ...told }
}

function refusalOf(operator: string, counter: number, reason: CommandReason, detail: string): Acknowledgement {
  return { version: formatVersion, operator, counter, result: 'refused', reason, detail: detail.slice(0, maxDetail) }
}

/** Of an acknowledgement's text, characters. */
const maxDetail = 400

function drop(reason: CommandReason | 'pending', detail: string): JudgedCommand {
  return { kind: 'drop', reason, detail }
}
