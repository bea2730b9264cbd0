/** One metric, read off what is known when it is asked for. */
export interface Figure {
  readonly kind: 'counter' | 'gauge'
  /** By Prometheus' rules: base units, `_total` for what only grows. */
  readonly name: string
  readonly help: string
  /** Names of its labels beside `fleet`. */
  readonly labels: readonly string[]
  readonly read: () => readonly Sample[]
}

/** A value and those of the labels, in order. Undefined leaves it out: what is not known is no zero. */
export type Sample = readonly [value: number | undefined, ...labels: string[]]

type Read = () => number | undefined | readonly Sample[]

/** What may rise and fall: one value, or one for each combination of labels. */
export function gauge(name: string, help: string, read: Read, ...labels: string[]): Figure {
  return { kind: 'gauge', name, help, labels, read: () => samplesOf(read()) }
}

/** What only grows while the monitor lives; the name ends in `_total`. */
export function counter(name: string, help: string, read: Read, ...labels: string[]): Figure {
  return { ...gauge(name, help, read, ...labels), kind: 'counter' }
}

function samplesOf(value: ReturnType<Read>): readonly Sample[] {
  return typeof value === 'object' ? value : [[value]]
}
