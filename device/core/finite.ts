import type { Vector } from './engine.ts'

/** RangeError where one of the first `count` values is not finite as float32: "observations[17] must be finite, got NaN". */
export function requireFinite(name: string, values: Vector, count: number): void {
  if (!isFinite32(values, count)) refuse(name, values, count)
}

/** Whether the first `count` values are finite as float32: one that overflows when rounded is as bad as an infinity. */
export function isFinite32(values: Vector, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const x = Math.fround(values[i]!)
    if (x - x !== 0) return false
  }
  return true
}

function refuse(name: string, values: Vector, count: number): never {
  if (values.length < count) throw new RangeError(`${name} must hold ${count} values, got ${values.length}`)
  const index = values.findIndex((x) => !Number.isFinite(Math.fround(x)))
  throw new RangeError(`${name}[${index}] must be finite, got ${values[index]}`)
}
