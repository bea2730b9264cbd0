import type { StepInfo } from '../../sim-bridge/score.ts'
import type { World } from '../../sim-bridge/world.ts'
import type { SoakCase } from './soak-sim.ts'

/** Counts collisions and forced brakings of a world from positions, speeds and commands, and compares. */
export class IndependentCount {
  collisions = 0
  forcedBrakings = 0
  readonly #world: World
  readonly #case: SoakCase
  readonly #commands: Float64Array
  readonly #speed: Float64Array
  /** Cars whose latched brake holds. */
  readonly #latched = new Set<number>()
  #colliding = new Set<string>()

  constructor(world: World, case_: SoakCase) {
    this.#world = world
    this.#case = case_
    this.#commands = new Float64Array(world.vehicles.length)
    this.#speed = new Float64Array(world.vehicles.length)
  }

  /** What the world is about to be told. */
  before(commands: Float64Array): void {
    const { learner, speed, accelerationLimit } = this.#world
    for (let i = 0; i < commands.length; i++) {
      const own = learner[i] ? commands[i]! : Number.NaN
      this.#commands[i] = this.#latched.has(i) ? -accelerationLimit : own
      this.#speed[i] = speed[i]!
    }
  }

  /** The first figure of the world that is not this count's. */
  after(info: StepInfo): string | undefined {
    this.#countBrakings()
    const broken = this.#countCollisions()
    if (broken !== undefined) return broken
    if (info.collisions !== this.collisions) return `collisions must be ${this.collisions}, got ${info.collisions}`
    if (info.forcedBrakings !== this.forcedBrakings)
      return `forcedBrakings must be ${this.forcedBrakings}, got ${info.forcedBrakings}`
    const mean = this.#world.speed.reduce((sum, v) => sum + v, 0) / this.#world.speed.length
    const nas = this.#colliding.size > 0 ? 0 : mean / 20
    if (!(Math.abs(info.nas - nas) < 1e-9)) return `nas must be ${nas}, got ${info.nas}`
    return undefined
  }

  #countBrakings(): void {
    const { speed } = this.#world
    for (let i = 0; i < speed.length; i++) {
      const command = this.#commands[i]!
      const before = this.#speed[i]!
      const target = Math.max(0, before + 0.1 * command)
      const forced = speed[i]! < before + ((target - before) * 0.1) / 0.101 - 1e-3
      if (forced) this.forcedBrakings++
      if (this.#case.rules.brake === 'soft') continue
      if (speed[i]! < 0.1) this.#latched.delete(i)
      else if (forced && speed[i]! < before - 1e-3) this.#latched.add(i)
    }
  }

  /** In the figure eight from positions, elsewhere from the simulator's list. */
  #countCollisions(): string | undefined {
    const now = new Set(this.#world.collisions.map(([a, b]) => `${Math.min(a, b)} ${Math.max(a, b)}`))
    if (this.#case.network === 'figure-eight') {
      for (const [pair, overlap] of this.#touching()) {
        if (overlap === 'sure' && !now.has(pair)) return `cars ${pair} overlap and must be listed, got ${[...now]}`
        if (overlap === 'none' && now.has(pair)) return `cars ${pair} are apart and must not be listed, got ${[...now]}`
      }
    }
    for (const pair of now) if (!this.#colliding.has(pair)) this.collisions++
    this.#colliding = now
    return undefined
  }

  /**
   * Pairs of cars by how they touch. Sure: bumpers closer than a tenth of the minimum gap on the loop, or bodies of 60 % of
   * the width overlap in the crossing; none: neither do those of the full width. In between corners decide.
   */
  *#touching(): Generator<readonly [string, 'sure' | 'none' | 'corners']> {
    const { position, loopLength, speed } = this.#world
    for (let i = 0; i < speed.length; i++) {
      for (let k = i + 1; k < speed.length; k++) {
        const ahead = Math.abs(position[i]! - position[k]!)
        const gap = Math.min(ahead, loopLength - ahead) - 5
        // Middle of the bodies from the crossing point, on the major road (34.7 m) and on the minor one (245.67 m).
        const ways = [
          [position[i]! - 37.2, position[k]! - 248.17],
          [position[k]! - 37.2, position[i]! - 248.17],
        ] as const
        const overlaps = (halfWidth: number): boolean =>
          ways.some(([x, y]) => Math.abs(x) < 2.5 + halfWidth && Math.abs(y) < 2.5 + halfWidth)
        const sure = gap < 0.249 - 1e-6 || overlaps(0.54 - 1e-6)
        const none = gap > 0.249 + 1e-6 && !overlaps(0.9 + 1e-6)
        yield [`${i} ${k}`, sure ? 'sure' : none ? 'none' : 'corners']
      }
    }
  }
}
