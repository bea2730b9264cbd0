/** Waits between attempts to connect, ms: full jitter under a ceiling that doubles up to `maxMs`. */
export function backOff(failures: number, jitter: () => number, maxMs = 30_000): number {
  const ceiling = Math.min(maxMs, 500 * 2 ** Math.min(failures, 20))
  // Not less than a moment: a broker that refuses at once would be asked without end.
  return Math.max(200, jitter() * ceiling)
}
