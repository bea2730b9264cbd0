import { type Preset, presets } from '../world.ts'
import { SumoError } from './errors.ts'

export interface SumoWorldOptions {
  readonly preset: Preset['name']
  /** Ids in order around the loop; `car00` to `car13` if not given. SUMO compares ids where two cars are equal in all else. */
  readonly vehicles?: readonly string[]
  /** Indices of the cars that are driven by commands; every second one, the first not, if not given. */
  readonly learners?: readonly number[]
  /** m by which each car starts ahead of its even place, junctions not counted; 0 if not given. */
  readonly startOffsets?: readonly number[]
  /** `sumo` to call; SUMO_HOME/bin, then PATH, if not given. */
  readonly binary?: string
  /** Port on this machine at which a SUMO started by someone else waits (`sumo --remote-port`); nothing is started then. */
  readonly port?: number
  /** Starts `sumo-gui`: a window that shows the cars. */
  readonly gui?: boolean
  /** Folder for the net and the routes; a temporary one, removed at `close`, if not given. */
  readonly directory?: string
}

/** What the options say about the cars, checked. */
export interface Cars {
  readonly preset: Preset
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly startOffsets: readonly number[]
}

/** Checks the preset and the cars; throws `SumoError` naming the rule that is broken. */
export function parseCars(options: SumoWorldOptions): Cars {
  if (!Object.hasOwn(presets, options.preset)) {
    throw new SumoError(`preset must be one of ${Object.keys(presets).join(', ')}, got "${options.preset}"`)
  }
  const vehicles = [...(options.vehicles ?? Array.from({ length: 14 }, (_, i) => `car${String(i).padStart(2, '0')}`))]
  checkVehicles(vehicles)
  const learners = options.learners ?? vehicles.flatMap((_, i) => (i % 2 === 1 ? [i] : []))
  return {
    preset: presets[options.preset],
    vehicles,
    learner: parseLearners(learners, vehicles.length),
    startOffsets: parseOffsets(options.startOffsets ?? vehicles.map(() => 0), vehicles.length),
  }
}

/** Ids that SUMO, XML and a command line all take. */
const VEHICLE_ID = /^[A-Za-z0-9_.-]{1,64}$/
/** Every car needs its 5 m and SUMO's minGap of 2.5 m on the 402.74 m where cars start. */
const MAX_VEHICLES = 53

function checkVehicles(vehicles: readonly string[]): void {
  const { length } = vehicles
  if (length < 1 || length > MAX_VEHICLES)
    throw new SumoError(`there must be 1 to ${MAX_VEHICLES} vehicles, got ${length}`)
  for (const id of vehicles) {
    if (!VEHICLE_ID.test(id)) throw new SumoError(`a vehicle id must match ${VEHICLE_ID.source}, got "${id}"`)
  }
  if (new Set(vehicles).size !== length) throw new SumoError(`vehicle ids must differ, got ${vehicles.join(', ')}`)
}

function parseLearners(learners: readonly number[], count: number): readonly boolean[] {
  const learner = new Array<boolean>(count).fill(false)
  for (const i of learners) {
    if (!Number.isInteger(i) || i < 0 || i >= count) {
      throw new SumoError(`learners must be indices of vehicles, 0 to ${count - 1}, got ${i}`)
    }
    learner[i] = true
  }
  return learner
}

function parseOffsets(offsets: readonly number[], count: number): readonly number[] {
  if (offsets.length !== count) {
    throw new SumoError(`startOffsets must have one value per car, ${count}, got ${offsets.length}`)
  }
  for (const offset of offsets) {
    if (!Number.isFinite(offset)) throw new SumoError(`startOffsets must be finite, got ${offset}`)
  }
  return [...offsets]
}
