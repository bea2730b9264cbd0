import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createDriver, type Driver, free } from '../sim/idm.ts'
import { placeCars } from '../sim/scenario.ts'
import type { Simulator } from '../simulator.ts'
import { type SumoClient, startSumoClient } from './client.ts'
import { CollisionList } from './collisions.ts'
import * as domains from './domains.ts'
import { SumoError } from './errors.ts'
import { LoopOrder } from './loop.ts'
import { type Network, writeNetwork, writeRoutes } from './network.ts'
import { type Cars, parseCars, type SumoOptions } from './options.ts'
import { findNetconvert, findSumo, requireProgram } from './process.ts'

/**
 * Starts SUMO (or connects to one) with the figure eight, all cars at rest at their start.
 * Throws `SumoMissingError` where SUMO is not installed and `SumoError`, with SUMO's words, where it fails.
 */
export async function createSumoSimulator(options: SumoOptions): Promise<SumoSimulator> {
  const { port, gui = false } = options
  const cars = parseCars(options)
  const binary = findSumo(options.binary, gui)
  if (port === undefined) requireProgram(binary)
  const directory = await openDirectory(options.directory)
  let client: SumoClient | undefined
  const release = async (): Promise<void> => {
    await client?.close()
    await directory.remove()
  }
  try {
    const network = await writeNetwork({ ...cars, directory: directory.path, netconvert: findNetconvert(binary) })
    client = await startSumoClient({ binary, port, gui, sumoArguments: sumoArguments(network) })
    const simulator = new SumoSimulator(cars, network, client, release)
    await simulator.reset()
    return simulator
  } catch (error) {
    await release()
    throw error
  }
}

async function openDirectory(given: string | undefined): Promise<{ path: string; remove(): Promise<void> }> {
  if (given !== undefined) {
    await mkdir(given, { recursive: true })
    return { path: resolve(given), remove: async () => {} }
  }
  const path = await mkdtemp(join(tmpdir(), 'trustmix-sumo-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** s */
const STEP_LENGTH = 0.1

function sumoArguments(network: Network): readonly string[] {
  return [
    ...['--net-file', network.netFile],
    ...['--route-files', network.routeFile],
    ...['--step-length', String(STEP_LENGTH)],
    // Jams stay jams: no car is taken away.
    ...['--time-to-teleport', '-1'],
    // Without the check on junctions the crossing has no collisions; any action but "warn" moves or removes cars.
    ...['--collision.check-junctions', 'true'],
    ...['--collision.action', 'warn'],
    ...['--no-step-log', 'true'],
    ...['--no-warnings', 'true'],
    ...['--xml-validation', 'never'],
  ]
}

/** Only the safe-speed check stays on: no right of way, no bounds on a commanded acceleration. */
const SPEED_MODE = 1
/** s: a slowDown shorter than a step is over after the next one. */
const SLOWDOWN_DURATION = 1e-3
/** SUMO adds the duration to the step, so one step makes 1/1.01 of the commanded change of speed. */
const SLOWDOWN_SHARE = STEP_LENGTH / (STEP_LENGTH + SLOWDOWN_DURATION)
/** m/s: faster than any car; SUMO is not asked for more, however large a command is. */
const MAX_TARGET = 1000
/** m/s: a difference below this is not braking. */
const SPEED_TOLERANCE = 1e-3

/** The figure eight on Eclipse SUMO. Calls must be awaited one after the other. */
export class SumoSimulator implements Simulator {
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly loopLength: number
  readonly speedLimit: number
  readonly accelerationLimit: number
  readonly stepLength = STEP_LENGTH
  readonly position: Float64Array
  readonly speed: Float64Array
  readonly gap: Float64Array
  readonly leader: Int32Array
  readonly follower: Int32Array
  readonly braking: Uint8Array
  readonly #client: SumoClient
  readonly #release: () => Promise<void>
  readonly #cars: Cars
  readonly #routeFile: string
  /** The starts in the route file. */
  #startOffsets: readonly number[]
  readonly #roadStarts: ReadonlyMap<string, number>
  readonly #index: ReadonlyMap<string, number>
  readonly #order: LoopOrder
  /** How each car drives where SUMO has it. */
  readonly #drivers: readonly Driver[]
  /** Speed that each command (or SUMO's driver, NaN at the start) makes if nothing is in the way, m/s. */
  readonly #expected: Float64Array
  readonly #collisions: CollisionList
  #vehiclesRead = 0

  constructor(cars: Cars, network: Network, client: SumoClient, release: () => Promise<void>) {
    const { preset, vehicles, learner } = cars
    const count = vehicles.length
    this.vehicles = vehicles
    this.learner = learner
    this.loopLength = network.loopLength
    this.speedLimit = preset.speedLimit
    this.accelerationLimit = preset.accelerationLimit
    this.position = new Float64Array(count)
    this.speed = new Float64Array(count)
    this.gap = new Float64Array(count)
    this.leader = new Int32Array(count)
    this.follower = new Int32Array(count)
    this.braking = new Uint8Array(count)
    this.#client = client
    this.#release = release
    this.#cars = cars
    this.#routeFile = network.routeFile
    this.#startOffsets = cars.startOffsets
    this.#roadStarts = network.roadStarts
    this.#index = new Map(vehicles.map((id, i) => [id, i]))
    this.#collisions = new CollisionList(vehicles, this.position)
    this.#order = new LoopOrder(count)
    this.#drivers = learner.map((learns) =>
      createDriver(preset.accel, learns ? preset.learnerDecel : preset.humanDecel, preset.speedLimit),
    )
    this.#expected = new Float64Array(count).fill(Number.NaN)
  }

  /** SUMO's own words for its version ("SUMO 1.15.0"). */
  get version(): string {
    return this.#client.version
  }

  /** Process id of the SUMO that we started. */
  get processId(): number | undefined {
    return this.#client.processId
  }

  get collisions(): readonly (readonly [number, number])[] {
    return this.#collisions.pairs
  }

  // SUMO inserts the cars at the end of step 0, so one step belongs to the start.
  async reset(startOffsets: readonly number[] = this.#cars.startOffsets): Promise<void> {
    if (startOffsets !== this.#startOffsets) {
      placeCars(this.vehicles, startOffsets)
      await writeRoutes(this.#routeFile, { ...this.#cars, startOffsets })
      this.#startOffsets = startOffsets
    }
    await this.#client.load()
    domains.writeSimulationStep(this.#client.begin())
    domains.readSimulationStep(await this.#client.exchange(), this)
    const writer = this.#client.begin()
    for (const id of this.vehicles) {
      domains.writeSpeedMode(writer, id, SPEED_MODE)
      domains.writeVehicleSubscription(writer, id)
    }
    domains.writeSimulationSubscription(writer)
    const reply = await this.#client.exchange()
    this.#collisions.reset()
    this.#beginState()
    for (const id of this.vehicles) {
      domains.readVehicleCommand(reply, `setSpeedMode of ${id}`)
      domains.readVehicleSubscription(reply, id, this)
    }
    domains.readSimulationSubscription(reply, this)
    reply.expectEnd()
    this.#order.reset()
    this.#expected.fill(Number.NaN)
    this.#endState()
  }

  async step(accelerations: Float64Array): Promise<void> {
    const { vehicles, speed } = this
    const expected = this.#expected
    if (accelerations.length !== vehicles.length) {
      throw new SumoError(`there must be one acceleration per car, ${vehicles.length}, got ${accelerations.length}`)
    }
    const writer = this.#client.begin()
    for (let i = 0; i < vehicles.length; i++) {
      const driven = Number.isNaN(accelerations[i]!)
      const target = Math.min(MAX_TARGET, Math.max(0, speed[i]! + accelerations[i]! * STEP_LENGTH))
      expected[i] = driven ? free(this.#drivers[i]!, speed[i]!) : speed[i]! + (target - speed[i]!) * SLOWDOWN_SHARE
      if (!driven) domains.writeSlowDown(writer, vehicles[i]!, target, SLOWDOWN_DURATION)
    }
    domains.writeSimulationStep(writer)
    const reply = await this.#client.exchange()
    for (let i = 0; i < vehicles.length; i++) {
      if (!Number.isNaN(accelerations[i]!)) domains.readVehicleCommand(reply, `slowDown of ${vehicles[i]!}`)
    }
    this.#beginState()
    domains.readSimulationStep(reply, this)
    reply.expectEnd()
    this.#endState()
  }

  close(): Promise<void> {
    return this.#release()
  }

  /** Takes one car from SUMO's answer. */
  onVehicle(vehicle: string, road: string, lanePosition: number, speed: number): void {
    const i = this.#index.get(vehicle)
    const start = this.#roadStarts.get(road)
    if (road === '') {
      throw new SumoError(
        `every car must find room where it starts, 2.5 m from the next, got "${vehicle}" waiting outside`,
      )
    }
    if (i === undefined || start === undefined) {
      throw new SumoError(`our cars must drive on our roads, got "${vehicle}" on "${road}"`)
    }
    const position = start + lanePosition
    this.position[i] = position < this.loopLength ? position : position - this.loopLength
    this.speed[i] = speed
    this.#vehiclesRead++
  }

  /** Takes one entry of SUMO's list of collisions; `place` is the collider's on the lane of the collision, m. */
  onCollision(collider: string, victim: string, place: number): void {
    this.#collisions.add(collider, victim, place)
  }

  #beginState(): void {
    this.#vehiclesRead = 0
    this.#collisions.beginState()
  }

  #endState(): void {
    const { position, speed, gap, leader, follower, braking, loopLength, vehicles } = this
    if (this.#vehiclesRead !== vehicles.length) {
      throw new SumoError(
        `all ${vehicles.length} cars must stay on the road, got ${this.#vehiclesRead}: reset the world`,
      )
    }
    this.#collisions.endState()
    this.#order.update(position, loopLength, gap, leader, follower)
    for (let i = 0; i < vehicles.length; i++) {
      braking[i] = speed[i]! < this.#expected[i]! - SPEED_TOLERANCE ? 1 : 0
    }
  }
}
