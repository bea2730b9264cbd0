/** A metric as a scrape shows it. */
export interface Scraped {
  readonly kind: string
  readonly help: string
  readonly samples: readonly {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
  }[]
}

/** What a monitor says at `/metrics`, by name; `text` is all of it. */
export async function scrape(url: string): Promise<{ text: string; metrics: ReadonlyMap<string, Scraped> }> {
  const response = await fetch(new URL('/metrics', url))
  const text = await response.text()
  if (response.status !== 200) throw new Error(`/metrics answers ${response.status}: ${text}`)
  return { text, metrics: parseMetrics(text) }
}

/** Prometheus' text format 0.0.4, what is of it here; throws for a line that it does not know. */
export function parseMetrics(text: string): Map<string, Scraped> {
  const metrics = new Map<string, { kind: string; help: string; samples: Scraped['samples'][number][] }>()
  let present: { kind: string; help: string; samples: Scraped['samples'][number][] } | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, help, described] = /^# HELP (\S+) (.*)$/.exec(line) ?? []
    const [, typed, kind] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    const [, name, labels = '', value] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (help !== undefined) {
      present = { kind: '', help: described ?? '', samples: [] }
      metrics.set(help, present)
    } else if (typed !== undefined && present) present.kind = kind ?? ''
    else if (name !== undefined && present) {
      const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label, text]) => [label, text])
      present.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) })
    } else throw new Error(`no line of the text format: ${line}`)
  }
  return metrics
}

/** The value of a metric with these labels among its own; undefined where it is absent. */
export function valueIn(
  metrics: ReadonlyMap<string, Scraped>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = metrics
    .get(name)
    ?.samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
  if (found && found.length > 1) throw new Error(`${name} has ${found.length} values with ${JSON.stringify(labels)}`)
  return found?.[0]?.value
}

/** Asks again until `holds` is true of the answer; throws with the last one after `withinMs`. */
export async function until<T>(
  ask: () => Promise<T> | T,
  holds: (answer: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const late = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (holds(answer)) return answer
    if (performance.now() > late)
      throw new Error(`not so within ${withinMs} ms: ${holds}\nlast: ${JSON.stringify(answer)?.slice(0, 2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
