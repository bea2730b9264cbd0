import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createClock } from '../../device/clock.ts'
import { rosterOperators } from '../../device/command-files.ts'
import { lastBoot } from '../../device/process.ts'
import { createSystemClock } from '../../device/system-clock.ts'
import { createCommandJudge } from '../../device/trust/command.ts'
import { openRoster } from '../../device/trust/roster.ts'
import { createRosterStore } from '../../device/trust/roster-store.ts'
import type { CommandReason } from '../../schemas/command.ts'
import type { Provision } from '../../schemas/provision.ts'
import { validateCommandMessage } from '../../schemas/trust.ts'
import { Refusal } from './refusal.ts'

/** The bundle that an operator has signed for. */
export interface AskedBundle {
  readonly operator: string
  /** `https://…`, or the absolute path of a file. */
  readonly bundle: string
  /** Of the whole file, hexadecimal. */
  readonly sha256: string
}

/** Far more than a signed command has, bytes. */
const maxBytes = 16_384

/**
 * Takes the request that the unit has left, so that it is dealt with once; undefined where there is none. The unit's own user could
 * put anything there: no link is followed, and no more is read than a command may have. Throws Refusal.
 */
export function takeRequest(stateDir: string): unknown {
  const path = join(stateDir, 'update-request.json')
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    rmSync(path, { force: true, recursive: true })
    throw new Refusal('malformed', `the request must be a file: ${(error as Error).message}`)
  }
  try {
    const found = fstatSync(file)
    rmSync(path, { force: true, recursive: true })
    if (!found.isFile()) throw new Refusal('malformed', 'the request must be a file')
    if (found.size > maxBytes)
      throw new Refusal('over-size', `the request must be at most ${maxBytes} bytes, got ${found.size}`)
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal('malformed', (error as Error).message)
  } finally {
    closeSync(file)
  }
}

export interface RequestContext {
  /** Of root alone to write: whose unit it is, and the fleet's root. */
  readonly unit: Provision
  /** Of the unit: its counter of starts, and the roster that it has met. */
  readonly stateDir: string
  /** Keeps the newest roster, so that the unit cannot bring an older one back. */
  readonly directory: string
  readonly print: (line: string) => void
}

/** Judges a request as the unit has, with nothing taken over from that but its boot: operator, signature, addressee, expiry. Throws Refusal. */
export function judgeRequest(value: unknown, { unit, stateDir, directory, print }: RequestContext): AskedBundle {
  const message = validateCommandMessage(value)
  if (!message.ok) throw new Refusal(message.reason, message.detail)
  const { fleet, rootKey, id: vehicle } = unit
  const initial = [join(stateDir, 'roster.json')]
  const roster = createRosterStore({ fleet, rootKey, path: join(directory, 'roster.json'), initial, onTrouble: print })
  const first = unit.roster && openRoster(unit.roster, rootKey, fleet, roster.current?.number)
  if (first?.ok) roster.take(unit.roster)
  const clock = createClock(() => Date.now())
  createSystemClock(clock, { now: () => 0, trusted: unit.config?.clock === 'trusted' })()
  if (roster.current) clock.raiseFloor(roster.current.issued)
  const operators = rosterOperators(roster, null)?.operators ?? (() => undefined)
  const judge = createCommandJudge({ fleet, vehicle, boot: lastBoot(stateDir), operators, clock: clock.read })
  const judged = judge.judge(message.value, 'update')
  if (judged.kind === 'drop') throw new Refusal(judged.reason === 'pending' ? 'replayed' : judged.reason, judged.detail)
  if (judged.kind === 'answer') throw new Refusal(judged.ack.reason as CommandReason, judged.ack.detail ?? '')
  const { order, operator } = judged
  if (order.name !== 'update') throw new Refusal('wrong-name', `the command must be update, got ${order.name}`)
  const { bundle, sha256 } = order.args
  if (bundle === undefined || sha256 === undefined)
    throw new Refusal(
      'malformed',
      `args must have bundle and sha256, got ${Object.keys(order.args).join(', ') || 'none'}`,
    )
  return { operator, bundle, sha256 }
}
