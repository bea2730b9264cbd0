/** A line of a client without its end, or the length so far of one that is longer than allowed (its rest is skipped). */
export type Line = { readonly text: string } | { readonly bytes: number }

const lineFeed = 10

/**
 * Cuts a byte stream into lines (UTF-8, ended by \n) in constant memory: of a line that exceeds `maxBytes`, line feed
 * included, nothing is kept; it is reported once and skipped to its end.
 */
export class Lines {
  readonly #kept: Buffer
  #length = 0
  #skipping = false

  constructor(maxBytes: number) {
    this.#kept = Buffer.alloc(maxBytes)
  }

  /** The lines that this chunk ends, one at a time: take the next only when the one before is dealt with. */
  *push(chunk: Uint8Array): Generator<Line, void> {
    for (let start = 0; start < chunk.length; ) {
      const found = chunk.indexOf(lineFeed, start)
      const end = found === -1 ? chunk.length : found + 1
      const piece = chunk.subarray(start, end)
      start = end
      if (!this.#skipping && this.#length + piece.length > this.#kept.length) {
        yield { bytes: this.#length + piece.length }
        this.#skipping = true
      }
      if (!this.#skipping) {
        this.#kept.set(piece, this.#length)
        this.#length += piece.length
      }
      if (found === -1) continue
      if (!this.#skipping) yield { text: this.#kept.toString('utf8', 0, this.#length - 1) }
      this.#skipping = false
      this.#length = 0
    }
  }
}
