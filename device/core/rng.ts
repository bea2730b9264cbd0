import { log } from './elementary.ts'

/** A seeded stream of numbers; the same seed and scope give the same bits on every machine. */
export interface Rng {
  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number
  /** Uniform integer in [0, n), unbiased; 1 ≤ n ≤ 2^32. */
  integer(n: number): number
  /** Standard normal (Marsaglia's polar method; the second value is thrown away so that the state is all there is). */
  normal(): number
  /** Four 32-bit words: `restore` resumes the stream bit for bit. */
  state(): number[]
  /** Throws where `state` is not four 32-bit words or all of them are 0. */
  restore(state: readonly number[]): void
}

/**
 * xoshiro128** (Blackman and Vigna 2018) whose state is a hash of `seed` and every item of `scope`, for example
 * (vehicle id, purpose, epoch): one more draw in one scope moves no other. Throws where a number is not a safe integer.
 */
export function createRng(seed: number, ...scope: readonly (string | number)[]): Rng {
  let [a, b, c, d] = hashScope([seed, ...scope])

  function next(): number {
    const rotated = Math.imul(b, 5)
    const result = Math.imul((rotated << 7) | (rotated >>> 25), 9)
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }

  function uniform(): number {
    const high = next() >>> 5
    return (high * 67108864 + (next() >>> 6)) / 9007199254740992
  }

  function integer(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 4294967296)) throw new Error(`n must be in 1…2^32, got ${n}`)
    const limit = 4294967296 - (4294967296 % n)
    let draw = next()
    while (draw >= limit) draw = next()
    return draw % n
  }

  function normal(): number {
    for (;;) {
      const u = 2 * uniform() - 1
      const v = 2 * uniform() - 1
      const s = u * u + v * v
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * log(s)) / s)
    }
  }

  return {
    uniform,
    integer,
    normal,
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
    restore(state) {
      const [w, x, y, z] = state
      if (state.length !== 4 || w === undefined || x === undefined || y === undefined || z === undefined)
        throw new Error(`generator state must be 4 words, got ${state.length}`)
      for (const word of state) if (word >>> 0 !== word) throw new Error(`state word must be 32 bits, got ${word}`)
      if ((w | x | y | z) === 0) throw new Error('generator state must not be all zero')
      ;[a, b, c, d] = [w, x, y, z]
    },
  }
}

/** Shuffles the first `count` entries of `indices` in place (Fisher and Yates). */
export function shuffle(indices: Int32Array, count: number, rng: Rng): void {
  for (let i = count - 1; i > 0; i--) swap(indices, i, rng.integer(i + 1))
}

/** Leaves a uniform draw of `draws` of the first `count` entries, without replacement, at the front of `indices`. */
export function drawWithoutReplacement(indices: Int32Array, count: number, draws: number, rng: Rng): void {
  for (let i = 0; i < draws && i < count - 1; i++) swap(indices, i, i + rng.integer(count - i))
}

function swap(indices: Int32Array, i: number, j: number): void {
  const kept = indices[i]!
  indices[i] = indices[j]!
  indices[j] = kept
}

/** Four lanes over the words of all items; an item's kind and length enter too, so that ('a', 'b') differs from ('ab'). */
function hashScope(items: readonly (string | number)[]): [number, number, number, number] {
  const lanes: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667]
  const absorb = (word: number) => {
    lanes[0] = mixWord(lanes[0] ^ word)
    lanes[1] = mixWord(lanes[1] + Math.imul(word, 0x85ebca6b) + lanes[0])
    lanes[2] = mixWord(lanes[2] ^ Math.imul(word, 0xc2b2ae35) ^ lanes[1])
    lanes[3] = mixWord(lanes[3] + word + lanes[2])
  }
  for (const item of items) {
    if (typeof item === 'string') {
      absorb(1)
      absorb(item.length)
      for (let i = 0; i < item.length; i++) absorb(item.charCodeAt(i))
    } else {
      if (!Number.isSafeInteger(item)) throw new Error(`seed and scope numbers must be safe integers, got ${item}`)
      absorb(2)
      absorb(item)
      absorb(Math.floor(item / 4294967296))
    }
  }
  for (let i = 0; i < 4; i++) absorb(3)
  if ((lanes[0] | lanes[1] | lanes[2] | lanes[3]) === 0) lanes[0] = 1
  return lanes
}

/** The 32-bit finaliser of MurmurHash3: every input bit reaches every output bit. */
function mixWord(word: number): number {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) | 0
}
