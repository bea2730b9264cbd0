/** Retained topics per user: a user could otherwise fill the memory with announcements of cells it never visits. */
export class RetainedQuota {
  readonly #limit: number
  readonly #owners = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Notes that `topic` is retained or, if not `filled`, emptied; false if `owner` is at its limit. */
  set(topic: string, owner: string, filled: boolean): boolean {
    const former = this.#owners.get(topic)
    if (filled && former === undefined) {
      const count = this.#counts.get(owner) ?? 0
      if (count >= this.#limit) return false
      this.#owners.set(topic, owner)
      this.#counts.set(owner, count + 1)
    } else if (!filled && former !== undefined) {
      this.#owners.delete(topic)
      this.#counts.set(former, (this.#counts.get(former) ?? 1) - 1)
    }
    return true
  }
}
