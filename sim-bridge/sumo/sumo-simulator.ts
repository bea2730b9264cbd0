import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { observe } from '../sim/neighbours.ts'
import type { RoadNetwork } from '../sim/network.ts'
import { Occupancy } from '../sim/occupancy.ts'
import { createScenario, type Scenario } from '../sim/scenario.ts'
import { placeCars } from '../sim/starts.ts'
import type { Simulator } from '../simulator.ts'
import { type SumoClient, startSumoClient } from './client.ts'
import { CollisionList } from './collisions.ts'
import { Commands, SLOWDOWN_DURATION } from './commands.ts'
import * as domains from './domains.ts'
import { SumoError } from './errors.ts'
import { type NetworkFiles, writeNetwork, writeRoutes } from './network.ts'
import type { SumoOptions } from './options.ts'
import { findNetconvert, findSumo, requireProgram } from './process.ts'

/**
 * Starts SUMO (or connects to one) with the roads of the scenario, all cars at rest at their start. Errors of the options
 * are those of `createScenario`; throws `SumoMissingError` where SUMO is not installed and `SumoError`, with SUMO's words,
 * where it fails.
 */
export async function createSumoSimulator(options: SumoOptions): Promise<SumoSimulator> {
  const { port, gui = false } = options
  const scenario = createScenario(options)
  if (scenario.crossing !== 'priority') {
    throw new SumoError(`crossing must be priority, the only rule that SUMO knows, got ${scenario.crossing}`)
  }
  const binary = findSumo(options.binary, gui)
  if (port === undefined) requireProgram(binary)
  const directory = await openDirectory(options.directory)
  let client: SumoClient | undefined
  const release = async (): Promise<void> => {
    await client?.close()
    await directory.remove()
  }
  try {
    const files = await writeNetwork({ ...scenario, directory: directory.path, netconvert: findNetconvert(binary) })
    client = await startSumoClient({ binary, port, gui, sumoArguments: sumoArguments(files) })
    const simulator = new SumoSimulator(scenario, files.routeFile, client, release)
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

function sumoArguments(files: NetworkFiles): readonly string[] {
  return [
    ...['--net-file', files.netFile],
    ...['--route-files', files.routeFile],
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

/** The scenario on Eclipse SUMO. Calls must be awaited one after the other. */
export class SumoSimulator implements Simulator {
  readonly vehicles: readonly string[]
  readonly learner: readonly boolean[]
  readonly loopLength: number
  /** Length of each car's own loop, m. */
  readonly routeLength: Float64Array
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
  readonly #scenario: Scenario
  readonly #routeFile: string
  /** The starts in the route file; undefined for those of the scenario. */
  #startOffsets: readonly number[] | undefined
  readonly #network: RoadNetwork
  readonly #lanes: ReadonlyMap<string, number>
  readonly #index: ReadonlyMap<string, number>
  readonly #places: { readonly route: Int32Array; readonly lane: Int32Array; readonly lanePosition: Float64Array }
  readonly #occupancy: Occupancy
  readonly #commands: Commands
  readonly #collisions: CollisionList
  #vehiclesRead = 0

  constructor(scenario: Scenario, routeFile: string, client: SumoClient, release: () => Promise<void>) {
    const { preset, network, vehicles, learner, starts } = scenario
    const count = vehicles.length
    this.vehicles = vehicles
    this.learner = learner
    this.loopLength = network.routeLength[0]!
    this.routeLength = Float64Array.from(starts, ({ route }) => network.routeLength[route]!)
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
    this.#scenario = scenario
    this.#routeFile = routeFile
    this.#network = network
    this.#lanes = new Map(network.plan.lanes.map(({ name }, lane) => [name, lane]))
    this.#index = new Map(vehicles.map((id, i) => [id, i]))
    this.#collisions = new CollisionList(vehicles, this.position)
    this.#places = {
      route: Int32Array.from(starts, ({ route }) => route),
      lane: new Int32Array(count),
      lanePosition: new Float64Array(count),
    }
    this.#occupancy = new Occupancy(network, count)
    this.#commands = new Commands(scenario, STEP_LENGTH)
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
  async reset(startOffsets?: readonly number[]): Promise<void> {
    if (startOffsets !== this.#startOffsets) {
      const { network, vehicles, starts } = this.#scenario
      const moved = startOffsets === undefined ? starts : placeCars(network, vehicles, startOffsets)
      await writeRoutes(this.#routeFile, { ...this.#scenario, starts: moved })
      this.#startOffsets = startOffsets
    }
    await this.#client.load()
    domains.writeSimulationStep(this.#client.begin())
    domains.readSimulationStep(await this.#client.exchange(), this)
    const writer = this.#client.begin()
    for (const id of this.vehicles) {
      domains.writeSpeedMode(writer, id, this.#scenario.speedMode)
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
    this.#commands.reset()
    this.#endState()
  }

  async step(accelerations: Float64Array): Promise<void> {
    const { vehicles, speed } = this
    if (accelerations.length !== vehicles.length) {
      throw new SumoError(`there must be one acceleration per car, ${vehicles.length}, got ${accelerations.length}`)
    }
    const writer = this.#client.begin()
    for (let i = 0; i < vehicles.length; i++) {
      const target = this.#commands.target(i, speed[i]!, accelerations[i]!)
      if (!Number.isNaN(target)) domains.writeSlowDown(writer, vehicles[i]!, target, SLOWDOWN_DURATION)
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
    const lane = this.#lanes.get(road)
    if (road === '') {
      throw new SumoError(
        `every car must find room where it starts, 2.5 m from the next, got "${vehicle}" waiting outside`,
      )
    }
    if (i === undefined || lane === undefined) {
      throw new SumoError(`our cars must drive on our roads, got "${vehicle}" on "${road}"`)
    }
    this.#places.lane[i] = lane
    this.#places.lanePosition[i] = lanePosition
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
    const { speed, braking, vehicles } = this
    if (this.#vehiclesRead !== vehicles.length) {
      throw new SumoError(`all ${vehicles.length} cars must stay on the road, got ${this.#vehiclesRead}: reset`)
    }
    this.#occupancy.update(this.#places, speed)
    observe(this.#network, this.#places, this.#occupancy, this)
    this.#collisions.endState()
    for (let i = 0; i < vehicles.length; i++) braking[i] = this.#commands.isBraking(i, speed[i]!) ? 1 : 0
  }
}
