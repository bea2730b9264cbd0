import { type Followed, type GapLaw, gapLawAcceleration } from './gap-law.ts'
import { sineOfTurns } from './sine.ts'

/** What a controller reads: any world, or the simulator itself. */
export interface Cars extends Followed {
  readonly learner: readonly boolean[]
  readonly position: Float64Array
  /** m */
  readonly loopLength: number
  /** s */
  readonly stepLength: number
  /** m/s² */
  readonly accelerationLimit: number
}

/**
 * Writes the command of every car, in m/s² (NaN: the simulator drives), for the step that follows `step` steps since the
 * reset. Commands stay within the preset's limit; cars that do not learn always get NaN.
 */
export type Controller = (cars: Cars, step: number, accelerations: Float64Array) => void

/**
 * A closed-form controller by its name: those of the reference runs, `none`, `const:a`, `cap:c`, `lead:c`, `headway:T`,
 * `alt:c1:c2`, `pulse:a:p`, and the general follow law `gap:T:g0:k:c[:p[:w[:r[:A[:φ]]]]]`, whose last two add the wave
 * A·sin(4πx/L + φ) to the wanted speed. They serve as baselines and as hand policies.
 */
export function createController(name: string): Controller {
  const [kind = '', ...parameters] = name.split(':')
  const law = Object.hasOwn(laws, kind) ? laws[kind] : undefined
  if (law === undefined) throw new Error(`controller must be one of ${Object.keys(laws)}, got ${name}`)
  const numbers = parameters.map((text) => (text === '' ? Number.NaN : Number(text)))
  const most = law.parameters + (law.optional ?? 0)
  if (numbers.length < law.parameters || numbers.length > most || !numbers.every(Number.isFinite))
    throw new Error(
      `this controller takes ${law.optional ? `${law.parameters} to ${most}` : most} finite numbers separated by ":", got ${name}`,
    )
  if (law.positive !== undefined && !((numbers[law.positive] ?? 0) > 0)) {
    throw new Error(`the time of controller ${kind} must be positive, got ${name}`)
  }
  const accelerate = law.create(...numbers)
  return (cars, step, accelerations) => {
    const limit = cars.accelerationLimit
    for (let i = 0; i < accelerations.length; i++) {
      accelerations[i] = cars.learner[i] ? Math.max(-limit, Math.min(limit, accelerate(cars, i, step))) : Number.NaN
    }
  }
}

/** Wanted acceleration of car i in m/s², before the limit. */
type Accelerate = (cars: Cars, i: number, step: number) => number

interface Law {
  /** How many numbers follow the name. */
  readonly parameters: number
  /** How many more may follow; 0 stands for those that do not. */
  readonly optional?: number
  /** Index of the number that is a time and must be positive. */
  readonly positive?: number
  readonly create: (...numbers: number[]) => Accelerate
}

const laws: Readonly<Record<string, Law>> = {
  none: { parameters: 0, create: () => () => Number.NaN },
  const: {
    parameters: 1,
    create:
      (a = 0) =>
      () =>
        a,
  },
  cap: {
    parameters: 1,
    create:
      (c = 0) =>
      (cars, i) =>
        c - cars.speed[i]!,
  },
  lead: {
    parameters: 1,
    create:
      (c = 0) =>
      (cars, i) =>
        i === 1 ? c - cars.speed[i]! : cars.accelerationLimit,
  },
  headway: {
    parameters: 1,
    positive: 0,
    create:
      (T = 1) =>
      (cars, i) =>
        0.5 * (cars.gap[i]! / T - cars.speed[i]!),
  },
  gap: { parameters: 4, optional: 5, positive: 0, create: createGapLaw },
  alt: {
    parameters: 2,
    create:
      (c1 = 0, c2 = 0) =>
      (cars, i) =>
        (Math.floor(i / 2) % 2 === 1 ? c1 : c2) - cars.speed[i]!,
  },
  pulse: {
    parameters: 2,
    positive: 1,
    create:
      (a = 0, p = 1) =>
      (cars, _i, step) => {
        const half = Math.max(1, Math.floor(p / cars.stepLength + 0.5))
        return Math.floor(step / half) % 2 === 0 ? a : -a
      },
  },
}

function createGapLaw(T = 1, g0 = 0, k = 0, c = 0, p = 0, w = 0, r = 0, A = 0, phase = 0): Accelerate {
  const law: GapLaw = {
    timeGap: T,
    standstillGap: g0,
    gain: k,
    cap: c,
    leaderGain: p,
    followerWeight: w,
    followerGain: r,
  }
  if (A === 0) return (cars, i) => gapLawAcceleration(law, cars, i)
  const phaseTurns = phase / (2 * Math.PI)
  return (cars, i) => {
    const wave = A * sineOfTurns((2 * cars.position[i]!) / cars.loopLength + phaseTurns)
    return gapLawAcceleration(law, cars, i, wave)
  }
}
