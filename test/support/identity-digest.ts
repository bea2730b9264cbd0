import { createHash } from 'node:crypto'

/** SHA-256 over everything that was added, in order. */
export interface Digest {
  /** Numbers as little-endian float64. The bits of a NaN are the processor's own business: every NaN counts as the same. */
  numbers(values: ArrayLike<number>): void
  text(value: string): void
  /** Hexadecimal; nothing can be added after it. */
  end(): string
}

export function createDigest(): Digest {
  const hash = createHash('sha256')
  return {
    numbers(values) {
      const bytes = new DataView(new ArrayBuffer(8 * values.length))
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number
        bytes.setFloat64(8 * i, value, true)
        if (Number.isNaN(value)) bytes.setBigUint64(8 * i, 0x7ff8000000000000n, true)
      }
      hash.update(bytes)
    },
    text: (value) => {
      hash.update(value)
    },
    end: () => hash.digest('hex'),
  }
}
