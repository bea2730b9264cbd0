import type { Timeline } from '../../schemas/hil-report.ts'

/** Values over the time of a run, in a bounded number of equal stretches. */
export interface TimelineRecorder {
  /** Adds a value at `atS` seconds since the run began. */
  add(atS: number, value: number): void
  /** Adds a mark. */
  mark(atS: number): void
  timeline(): Timeline
}

interface Stretch {
  count: number
  sum: number
  max: number
  marks: number
}

/**
 * Begins with stretches of `stretchS` seconds; whenever the run outgrows `most` of them, neighbours become one, so that a run
 * of days needs no more memory than one of minutes.
 */
export function createTimeline(stretchS = 0.25, most = 480): TimelineRecorder {
  let length = stretchS
  let stretches: (Stretch | undefined)[] = []

  const at = (atS: number): Stretch => {
    const time = atS > 0 ? atS : 0
    while (time >= length * most) {
      const pairs: (Stretch | undefined)[] = []
      for (let i = 0; i < stretches.length; i += 2) pairs.push(joined(stretches[i], stretches[i + 1]))
      stretches = pairs
      length *= 2
    }
    const place = Math.floor(time / length)
    const stretch = stretches[place] ?? { count: 0, sum: 0, max: Number.NEGATIVE_INFINITY, marks: 0 }
    stretches[place] = stretch
    return stretch
  }

  return {
    add(atS, value) {
      const stretch = at(atS)
      stretch.count++
      stretch.sum += value
      stretch.max = Math.max(stretch.max, value)
    },
    mark(atS) {
      at(atS).marks++
    },
    timeline: () => ({
      stretchS: length,
      stretches: stretches.flatMap((stretch, i) => {
        if (!stretch) return []
        const { count, sum, max, marks } = stretch
        const known = count > 0
        return [{ atS: i * length, count, mean: known ? sum / count : null, max: known ? max : null, marks }]
      }),
    }),
  }
}

function joined(a: Stretch | undefined, b: Stretch | undefined): Stretch | undefined {
  if (!a || !b) return a ?? b
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    max: Math.max(a.max, b.max),
    marks: a.marks + b.marks,
  }
}
