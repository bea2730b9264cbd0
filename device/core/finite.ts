import type { Vector } from './engine.ts'

/** Says which value of which vector is not finite as float32. */
export class NonFiniteError extends RangeError {
  constructor(name: string, index: number, value: number | undefined) {
    super(`${name}[${index}] must be finite, got ${value}`)
    this.name = 'NonFiniteError'
  }
}

/** NonFiniteError where one of the first `count` values is not finite as float32: "observations[17] must be finite, got NaN". */
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
  throw new NonFiniteError(name, index, values[index])
}
