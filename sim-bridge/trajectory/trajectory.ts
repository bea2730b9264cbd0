import { decodeSafetensors, encodeSafetensors } from '../../device/core/safetensors.ts'
import type { World } from '../world.ts'

/** What a trajectory says of itself. */
export interface TrajectoryFacts {
  readonly network: string
  readonly preset: string
  readonly sim: string
  /** What drove: a method and its setting, or a controller's name. */
  readonly driver: string
  readonly seed: number
  /** 0 is the drivers' baseline. */
  readonly epoch: number
}

/** Where all cars were in one epoch. Row k of the arrays is the state after step k + 1, one column per car. */
export interface Trajectory extends TrajectoryFacts {
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  /** m */
  readonly loopLength: number
  /** s */
  readonly stepLength: number
  readonly steps: number
  /** Loop coordinate of the front bumper, m. */
  readonly position: Float32Array
  /** m/s */
  readonly speed: Float32Array
  /** 1 where safety lowered a command: the world's `forced`. */
  readonly braking: Float32Array
}

/** Is told of every step of an epoch; costs a copy of three numbers per car. */
export interface Recorder {
  /** Begins epoch `epoch`, 0 for the drivers' baseline; what was recorded of an unfinished one is forgotten. */
  begin(epoch: number): void
  /** Takes the world's state after a step. */
  step(): void
  /** The epoch is over. */
  end(): void
}

/**
 * Records a world. `onEpoch` receives each finished epoch in arrays that the next epoch overwrites, so whoever keeps one
 * encodes or copies it at once.
 */
export function createRecorder(
  world: World,
  facts: Omit<TrajectoryFacts, 'epoch'>,
  onEpoch: (trajectory: Trajectory) => void,
): Recorder {
  const { vehicles, learner, loopLength, stepLength, epochSteps } = world
  const cars = vehicles.length
  const position = new Float32Array(epochSteps * cars)
  const speed = new Float32Array(epochSteps * cars)
  const braking = new Float32Array(epochSteps * cars)
  let epoch = 0
  let steps = 0
  return {
    begin(next) {
      epoch = next
      steps = 0
    },
    step() {
      if (steps === epochSteps) return
      const row = steps * cars
      for (let i = 0; i < cars; i++) {
        position[row + i] = world.position[i]!
        speed[row + i] = world.speed[i]!
        braking[row + i] = world.forced[i]!
      }
      steps++
    },
    end() {
      const used = steps * cars
      onEpoch({
        ...{ ...facts, epoch, vehicles, learner, loopLength, stepLength, steps },
        position: position.subarray(0, used),
        speed: speed.subarray(0, used),
        braking: braking.subarray(0, used),
      })
    },
  }
}

/** A safetensors file: `position`, `speed` and `braking` [steps, cars], float32; everything else in the metadata. */
export function encodeTrajectory(trajectory: Trajectory): Uint8Array<ArrayBuffer> {
  const { vehicles, learner, steps, position, speed, braking } = trajectory
  const shape = [steps, vehicles.length]
  const { network, preset, sim, driver, seed, epoch, loopLength, stepLength } = trajectory
  const about = { network, preset, sim, driver, seed, epoch, loopLength, stepLength, vehicles, learner }
  return encodeSafetensors({
    tensors: new Map([
      ['position', { shape, data: position }],
      ['speed', { shape, data: speed }],
      ['braking', { shape, data: braking }],
    ]),
    metadata: new Map([
      ['format', format],
      ['trajectory', JSON.stringify(about)],
    ]),
  })
}

/** Reads what `encodeTrajectory` wrote. Throws an Error that names the rule broken and the value found. */
export function decodeTrajectory(bytes: Uint8Array): Trajectory {
  const { tensors, metadata } = decodeSafetensors(bytes)
  if (metadata.get('format') !== format)
    throw new Error(`format must be ${format}, got ${metadata.get('format') ?? 'none'}`)
  const about = readAbout(metadata.get('trajectory') ?? '')
  const cars = about.vehicles.length
  const [steps = 0] = tensors.get('position')?.shape ?? []
  const column = (name: string): Float32Array => {
    const tensor = tensors.get(name)
    if (!tensor || !(tensor.data instanceof Float32Array)) throw new Error(`${name} must be an F32 tensor, got none`)
    if (tensor.shape.length !== 2 || tensor.shape[0] !== steps || tensor.shape[1] !== cars)
      throw new Error(`${name} must have shape [${steps},${cars}], got [${tensor.shape}]`)
    const bad = tensor.data.findIndex((value) => !Number.isFinite(value) || value < 0)
    if (bad >= 0) throw new Error(`${name} must be finite and not negative, got ${tensor.data[bad]} at index ${bad}`)
    return tensor.data
  }
  if (steps < 1) throw new Error(`a trajectory must hold at least one step, got ${steps}`)
  const [position, speed, braking] = [column('position'), column('speed'), column('braking')]
  return { ...about, steps, position, speed, braking }
}

const format = 'trustmix-trajectory/1'

type About = Omit<Trajectory, 'steps' | 'position' | 'speed' | 'braking'>

function readAbout(text: string): About {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`metadata trajectory must be JSON, got ${JSON.stringify(text.slice(0, 40))}`)
  }
  const about = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof About, unknown>>
  const texts = (['network', 'preset', 'sim', 'driver'] as const).filter((key) => typeof about[key] !== 'string')
  const numbers = (['seed', 'epoch', 'loopLength', 'stepLength'] as const).filter(
    (key) => !Number.isFinite(about[key]) || Number(about[key]) < 0,
  )
  const wrong = [...texts, ...numbers][0]
  if (wrong !== undefined) throw new Error(`metadata ${wrong} must be given, got ${JSON.stringify(about[wrong])}`)
  const { vehicles, learner } = about
  if (!Array.isArray(vehicles) || vehicles.length === 0 || !vehicles.every((id) => typeof id === 'string'))
    throw new Error(`metadata vehicles must be a list of ids, got ${JSON.stringify(vehicles)}`)
  if (
    !Array.isArray(learner) ||
    learner.length !== vehicles.length ||
    !learner.every((flag) => typeof flag === 'boolean')
  )
    throw new Error(`metadata learner must hold one flag per vehicle, got ${JSON.stringify(learner)}`)
  if (!(Number(about.loopLength) > 0 && Number(about.stepLength) > 0))
    throw new Error(`loop and step must have a length, got ${about.loopLength} m and ${about.stepLength} s`)
  // Every member was checked above.
  return about as About
}
