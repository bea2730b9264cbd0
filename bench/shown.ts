/** A number with four digits, more where it is large. */
export function shown(value: number): string {
  return Math.abs(value) >= 1_000 ? String(Math.round(value)) : value.toPrecision(4)
}
