import type { Status } from '../schemas/status.ts'

export type ClockState = NonNullable<Status['clock']>

/** What the system says of its clock; what it does not say is left out. */
export interface ClockSources {
  /** Whether a time server has set it since the start. */
  readonly ntp?: boolean
  /** What the battery-backed clock shows, ms since 1970. */
  readonly rtcMs?: number
  /** Whoever set this unit up vouches for it. */
  readonly trusted?: boolean
}

export interface ClockReading {
  readonly state: ClockState
  /** Why it is in this state. */
  readonly why: string
  /** ms since 1970; worth something only where synchronised. */
  readonly timeMs: number
  /** It is certainly later than this, ms since 1970. */
  readonly floorMs: number
}

/**
 * Whether the wall clock can be relied on. A unit without a battery starts in 1970 and may never meet a time server:
 * it drives, learns and publishes all the same, and only what needs wall time waits (docs/commands.md).
 */
export interface Clock {
  /** Takes what the system says now. */
  observe(sources: ClockSources): void
  /** A document with a good signature was issued at this time (ISO 8601): it is later. Says whether the floor rose. */
  raiseFloor(issued: string): boolean
  read(): ClockReading
}

/** Older than this software: a clock that shows less is wrong, whatever the system says. */
const earliestMs = Date.UTC(2025, 0, 1)

/** How far the two clocks of a machine may be apart for the one to vouch for the other, ms. */
const rtcToleranceMs = 2_000

/** `wallMs`: the wall clock as it is, ms since 1970; NaN where there is none. */
export function createClock(wallMs: () => number): Clock {
  let floorMs = earliestMs
  let seen: ClockSources = {}
  let rtcAheadMs = Number.NaN

  const judge = (timeMs: number): readonly [ClockState, string] => {
    if (Number.isNaN(timeMs)) return ['unknown', 'there is none']
    if (!(timeMs >= floorMs)) return ['not-synchronised', `it shows ${iso(timeMs)}, which is before ${iso(floorMs)}`]
    if (seen.trusted) return ['synchronised', 'trusted by configuration']
    if (seen.ntp) return ['synchronised', 'set by a time server']
    if (Math.abs(rtcAheadMs) <= rtcToleranceMs) return ['synchronised', 'as the battery-backed clock']
    if (seen.ntp === false) return ['not-synchronised', 'no time server has set it yet']
    return ['unknown', 'the system does not say whether it is set']
  }

  return {
    observe(sources) {
      seen = sources
      // As a difference, so that the reading does not age until the next one; one below the floor vouches for nothing.
      const { rtcMs = Number.NaN } = sources
      rtcAheadMs = rtcMs >= floorMs ? rtcMs - wallMs() : Number.NaN
    },
    raiseFloor(issued) {
      const issuedMs = Date.parse(issued)
      if (!(issuedMs > floorMs)) return false
      floorMs = issuedMs
      return true
    },
    read() {
      const timeMs = wallMs()
      const [state, why] = judge(timeMs)
      return { state, why, timeMs, floorMs }
    },
  }
}

function iso(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms)
}
