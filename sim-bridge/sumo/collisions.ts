/** One entry of SUMO's list of collisions. */
interface Entry {
  readonly collider: string
  readonly victim: string
  /** Place of the collider on the lane of the collision when SUMO last saw the two touch, m. */
  readonly place: number
}

/**
 * The pairs of cars that collide now, from SUMO's lists. SUMO lists a pair in one order or both, renews an entry in every
 * step in which the two touch, and keeps some for one step more (MSNet::removeOutdatedCollisions): such an entry still
 * names the place of the step before although its collider has moved.
 */
export class CollisionList {
  readonly #index: ReadonlyMap<string, number>
  readonly #position: Float64Array
  readonly #positionBefore: Float64Array
  #before: Entry[] = []
  #entries: Entry[] = []
  #pairs: (readonly [number, number])[] = []

  /** `vehicles` and `position` of the simulator; the positions of `endState` are those of the cars after the step. */
  constructor(vehicles: readonly string[], position: Float64Array) {
    this.#index = new Map(vehicles.map((id, i) => [id, i]))
    this.#position = position
    this.#positionBefore = new Float64Array(position.length)
  }

  /** Pairs of car indices, the smaller first. */
  get pairs(): readonly (readonly [number, number])[] {
    return this.#pairs
  }

  /** The epoch begins anew. */
  reset(): void {
    this.#entries.length = 0
  }

  /** Before the lists of a step are read. */
  beginState(): void {
    this.#positionBefore.set(this.#position)
    const free = this.#before
    free.length = 0
    this.#before = this.#entries
    this.#entries = free
    if (this.#pairs.length > 0) this.#pairs = []
  }

  /** Takes one entry of SUMO's list. */
  add(collider: string, victim: string, place: number): void {
    this.#entries.push({ collider, victim, place })
  }

  /** After the positions of the cars are known. */
  endState(): void {
    for (const entry of this.#entries) {
      const i = this.#index.get(entry.collider)
      const j = this.#index.get(entry.victim)
      if (i === undefined || j === undefined || this.#isOver(entry, i)) continue
      const pair = [Math.min(i, j), Math.max(i, j)] as const
      if (!this.#pairs.some(([a, b]) => a === pair[0] && b === pair[1])) this.#pairs.push(pair)
    }
  }

  #isOver({ collider, victim, place }: Entry, i: number): boolean {
    if (this.#position[i] === this.#positionBefore[i]) return false
    return this.#before.some((entry) => entry.collider === collider && entry.victim === victim && entry.place === place)
  }
}
