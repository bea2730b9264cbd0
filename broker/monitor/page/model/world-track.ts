import type { WorldMessage } from '../../../../schemas/run.ts'

/** Cars that are kept: more lines than these nobody can tell apart. */
const maxCars = 120
/** Positions kept over all cars, so that a large fleet costs no more memory than a small one. */
const maxPlaces = 400_000
const maxFrames = 3_000

/**
 * Where the cars of a run have been, frame by frame: the newest frames in flat arrays. Time goes on from epoch to epoch:
 * where the time of the world falls back, a new epoch begins and the frames go on behind the last one.
 */
export class WorldTrack {
  /** Ids in the order of the arrays' columns. */
  cars: readonly string[] = []
  /** Of how many cars one is kept. */
  every = 1
  /** 1 where a car learns. */
  learner = new Uint8Array(0)
  /** Frames ever taken; the newest is `count − 1`. */
  count = 0
  /** Changes where the frames begin anew, with other cars or another run. */
  generation = 0
  #frames = 0
  #run = ''
  #all: readonly string[] = []
  #offset = 0
  #lastTime = 0
  #time = new Float64Array(0)
  #epochStart = new Uint8Array(0)
  #position = new Float32Array(0)
  #speed = new Float32Array(0)

  /** The oldest frame that is kept. */
  get first(): number {
    return Math.max(0, this.count - this.#frames)
  }

  push(run: string, { time, cars }: WorldMessage): void {
    const all = Object.keys(cars)
    if (run !== this.#run || !this.#sameCars(all)) this.#begin(run, all)
    const ids = this.cars
    const starts = this.count > 0 && time < this.#lastTime
    if (starts) this.#offset += this.#lastTime
    this.#lastTime = time
    const row = this.count % this.#frames
    this.#time[row] = this.#offset + time
    this.#epochStart[row] = starts ? 1 : 0
    for (const [i, id] of ids.entries()) {
      const car = cars[id]
      this.#position[row * ids.length + i] = car?.s ?? Number.NaN
      this.#speed[row * ids.length + i] = car?.v ?? Number.NaN
      this.learner[i] = car?.kind === 'learner' ? 1 : 0
    }
    this.count++
  }

  /** Seconds since the first frame's epoch began. */
  timeOf(frame: number): number {
    return this.#time[frame % this.#frames] ?? Number.NaN
  }

  /** Whether an epoch begins with a frame. */
  startsEpoch(frame: number): boolean {
    return this.#epochStart[frame % this.#frames] === 1
  }

  /** Loop coordinate of a car in a frame, m. */
  positionOf(frame: number, car: number): number {
    return this.#position[(frame % this.#frames) * this.cars.length + car] ?? Number.NaN
  }

  /** m/s */
  speedOf(frame: number, car: number): number {
    return this.#speed[(frame % this.#frames) * this.cars.length + car] ?? Number.NaN
  }

  #sameCars(ids: readonly string[]): boolean {
    return ids.length === this.#all.length && ids.every((id, i) => id === this.#all[i])
  }

  #begin(run: string, all: readonly string[]): void {
    this.#all = all
    this.every = Math.max(1, Math.ceil(all.length / maxCars))
    const ids = all.filter((_, i) => i % this.every === 0)
    const frames = Math.min(maxFrames, Math.max(60, Math.floor(maxPlaces / Math.max(1, ids.length))))
    this.cars = ids
    this.learner = new Uint8Array(ids.length)
    this.count = 0
    this.generation++
    this.#run = run
    this.#offset = 0
    this.#lastTime = 0
    this.#frames = frames
    this.#time = new Float64Array(frames)
    this.#epochStart = new Uint8Array(frames)
    this.#position = new Float32Array(frames * ids.length)
    this.#speed = new Float32Array(frames * ids.length)
  }
}
