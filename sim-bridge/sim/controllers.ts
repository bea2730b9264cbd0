/** What a controller reads: any world, or the simulator itself. */
export interface Cars {
  readonly learner: readonly boolean[]
  readonly speed: Float64Array
  readonly gap: Float64Array
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
 * One of the closed-form controllers of the reference runs, by its name there:
 * `none`, `const:a`, `cap:c`, `lead:c`, `headway:T`, `alt:c1:c2`, `pulse:a:p`. They serve as baselines and as hand policies.
 */
export function createController(name: string): Controller {
  const [kind = '', ...parameters] = name.split(':')
  const law = Object.hasOwn(laws, kind) ? laws[kind] : undefined
  if (law === undefined) throw new Error(`controller must be one of ${Object.keys(laws)}, got ${name}`)
  const [a = Number.NaN, b = Number.NaN] = parameters.map((text) => (text === '' ? Number.NaN : Number(text)))
  if (parameters.length !== law.parameters || !Number.isFinite(law.parameters > 0 ? a : 0)) throw malformed(name, law)
  if (law.parameters > 1 && !Number.isFinite(b)) throw malformed(name, law)
  if (law.positive !== undefined && !((law.positive === 0 ? a : b) > 0)) {
    throw new Error(`the time of controller ${kind} must be positive, got ${name}`)
  }
  return (cars, step, accelerations) => {
    const limit = cars.accelerationLimit
    for (let i = 0; i < accelerations.length; i++) {
      accelerations[i] = cars.learner[i]
        ? Math.max(-limit, Math.min(limit, law.acceleration(cars, i, step, a, b)))
        : Number.NaN
    }
  }
}

interface Law {
  /** How many numbers follow the name. */
  readonly parameters: number
  /** Index of the number that is a time and must be positive. */
  readonly positive?: number
  /** Wanted acceleration of car i in m/s², before the limit. */
  readonly acceleration: (cars: Cars, i: number, step: number, a: number, b: number) => number
}

const laws: Readonly<Record<string, Law>> = {
  none: { parameters: 0, acceleration: () => Number.NaN },
  const: { parameters: 1, acceleration: (_cars, _i, _step, a) => a },
  cap: { parameters: 1, acceleration: (cars, i, _step, c) => c - cars.speed[i]! },
  lead: { parameters: 1, acceleration: (cars, i, _step, c) => (i === 1 ? c - cars.speed[i]! : cars.accelerationLimit) },
  headway: {
    parameters: 1,
    positive: 0,
    acceleration: (cars, i, _step, T) => 0.5 * (cars.gap[i]! / T - cars.speed[i]!),
  },
  alt: {
    parameters: 2,
    acceleration: (cars, i, _step, c1, c2) => (Math.floor(i / 2) % 2 === 1 ? c1 : c2) - cars.speed[i]!,
  },
  pulse: {
    parameters: 2,
    positive: 1,
    acceleration: (cars, _i, step, a, p) => {
      const half = Math.max(1, Math.floor(p / cars.stepLength + 0.5))
      return Math.floor(step / half) % 2 === 0 ? a : -a
    },
  },
}

function malformed(name: string, law: Law): Error {
  return new Error(`this controller takes ${law.parameters} finite numbers separated by ":", got ${name}`)
}
