import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { NetworkPlan } from '../sim/network.ts'
import type { Preset, Scenario } from '../sim/scenario.ts'
import { SumoError, SumoMissingError } from './errors.ts'

export interface NetworkOptions extends Scenario {
  /** Existing folder for the files. */
  readonly directory: string
  /** SUMO's program that turns nodes, edges and connections into a net. */
  readonly netconvert: string
}

export interface NetworkFiles {
  readonly netFile: string
  readonly routeFile: string
}

/**
 * Writes the roads of the scenario and its cars as files for SUMO, and checks that the net that `netconvert` made has the
 * lanes of the plan.
 */
export async function writeNetwork(options: NetworkOptions): Promise<NetworkFiles> {
  const { directory, netconvert, preset } = options
  const { plan } = options.network
  const file = (kind: string): string => join(directory, `${plan.name}.${kind}.xml`)
  const netFile = file('net')
  const routeFile = file('rou')
  await Promise.all([
    writeFile(file('nod'), nodesXml(plan)),
    writeFile(file('edg'), edgesXml(plan, preset)),
    writeFile(file('con'), connectionsXml(plan)),
    writeRoutes(routeFile, options),
  ])
  await runNetconvert(netconvert, [
    ...['--node-files', file('nod')],
    ...['--edge-files', file('edg')],
    ...['--connection-files', file('con')],
    ...['--output-file', netFile],
    ...['--no-internal-links', 'false'],
    ...['--no-turnarounds', 'true'],
    ...['--junctions.limit-turn-speed', '-1'],
    ...['--xml-validation', 'never'],
  ])
  checkLanes(plan, preset, await readFile(netFile, 'utf8'))
  return { netFile, routeFile }
}

/** Writes the cars, their types and routes alone. */
export async function writeRoutes(routeFile: string, scenario: Scenario): Promise<void> {
  await writeFile(routeFile, routesXml(scenario))
}

async function runNetconvert(program: string, programArguments: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(program, programArguments, { timeout: 60_000 })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if ('code' in error && error.code === 'ENOENT') throw new SumoMissingError(program)
    const words = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : error.message
    throw new SumoError(`${program} must turn our files into a net, got "${words}"`)
  }
}

/** The embedded simulator drives on the plan, so the net must not differ from it. */
function checkLanes({ lanes }: NetworkPlan, { speedLimit }: Preset, netXml: string): void {
  const found = new Map<string, string>()
  for (const [, name, speed, length] of netXml.matchAll(
    /<lane id="([^"]+)_0" index="0" speed="([^"]+)" length="([^"]+)"/g,
  )) {
    found.set(name!, `${Number(length)} m at ${Number(speed)} m/s`)
  }
  for (const { name, length } of lanes) {
    const planned = `${length} m at ${speedLimit} m/s`
    const made = found.get(name)
    if (made !== planned) throw new SumoError(`netconvert must make the road ${name} ${planned}, got ${made ?? 'none'}`)
  }
  if (found.size !== lanes.length) {
    throw new SumoError(`netconvert must make the ${lanes.length} roads of the plan, got ${[...found.keys()]}`)
  }
}

function nodesXml({ nodes }: NetworkPlan): string {
  const lines = nodes.map(({ id, x, y, radius }) => {
    const size = radius === undefined ? '' : ` radius="${radius}"`
    return `  <node id="${id}" x="${x.toFixed(2)}" y="${y.toFixed(2)}" type="priority"${size}/>`
  })
  return `<nodes>\n${lines.join('\n')}\n</nodes>\n`
}

function edgesXml({ edges, lanes }: NetworkPlan, preset: Preset): string {
  const lengths = new Map(lanes.map((lane) => [lane.name, lane.length]))
  const lines = edges.map(({ id, from, to, priority, shape }) => {
    const rank = priority === undefined ? '' : ` priority="${priority}"`
    const points = shape?.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ')
    const way = points === undefined ? '' : ` shape="${points}"`
    return `  <edge id="${id}" from="${from}" to="${to}" numLanes="1" speed="${preset.speedLimit}" length="${lengths.get(id)}"${rank}${way}/>`
  })
  return `<edges>\n${lines.join('\n')}\n</edges>\n`
}

function connectionsXml({ connections }: NetworkPlan): string {
  const lines = connections.map(([from, to]) => `  <connection from="${from}" to="${to}" fromLane="0" toLane="0"/>`)
  return `<connections>\n${lines.join('\n')}\n</connections>\n`
}

/** m: a car at 30 m/s drives for four hours before its route ends. */
const ROUTE_LENGTH = 432_000

function routesXml({ preset, network, vehicles, learner, starts }: Scenario): string {
  const { lanes, routes } = network.plan
  const lines = [typeXml('human', preset, preset.humanDecel), typeXml('learner', preset, preset.learnerDecel)]
  routes.forEach((route, r) => {
    const names = route.lanes.flatMap((lane) => (lanes[lane]!.internal ? [] : [lanes[lane]!.name]))
    const laps = Math.ceil(ROUTE_LENGTH / network.routeLength[r]!)
    names.forEach((name, k) => {
      const lap = [...names.slice(k), ...names.slice(0, k)].join(' ')
      lines.push(`<route id="${routeId(r, name)}" edges="${lap}" repeat="${laps}"/>`)
    })
  })
  starts.forEach(({ route, lane, position }, i) => {
    const type = learner[i] ? 'learner' : 'human'
    const way = routeId(route, lanes[lane]!.name)
    lines.push(
      `<vehicle id="${vehicles[i]}" type="${type}" route="${way}" depart="0" departLane="0" departPos="${position.toFixed(2)}" departSpeed="0"/>`,
    )
  })
  return `<routes>\n${lines.map((line) => `  ${line}`).join('\n')}\n</routes>\n`
}

function routeId(route: number, edge: string): string {
  return `loop${route}_from_${edge}`
}

function typeXml(id: string, preset: Preset, decel: number): string {
  const color = id === 'learner' ? ' color="1,0,0"' : ''
  return `<vType id="${id}" carFollowModel="IDM" accel="${preset.accel}" decel="${decel}" tau="1" minGap="2.5" length="5" maxSpeed="${preset.speedLimit}" speedFactor="1" speedDev="0"${color}/>`
}
