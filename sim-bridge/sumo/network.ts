import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Preset } from '../sim/scenario.ts'
import { SumoError, SumoMissingError } from './errors.ts'
import type { Cars } from './options.ts'

export interface NetworkOptions extends Cars {
  /** Existing folder for the files. */
  readonly directory: string
  /** SUMO's program that turns nodes, edges and connections into a net. */
  readonly netconvert: string
}

export interface Network {
  readonly netFile: string
  readonly routeFile: string
  /** Loop coordinate at which each road (edge, or internal edge of a junction) begins, m. */
  readonly roadStarts: ReadonlyMap<string, number>
  /** m, junctions included. */
  readonly loopLength: number
}

/** Writes the figure eight and its cars as files for SUMO and measures the loop in the net that `netconvert` made. */
export async function writeNetwork(options: NetworkOptions): Promise<Network> {
  const { directory, netconvert } = options
  const file = (name: string): string => join(directory, name)
  const netFile = file('fig8.net.xml')
  const routeFile = file('fig8.rou.xml')
  await Promise.all([
    writeFile(file('fig8.nod.xml'), nodesXml()),
    writeFile(file('fig8.edg.xml'), edgesXml(options.preset)),
    writeFile(file('fig8.con.xml'), connectionsXml()),
    writeRoutes(routeFile, options),
  ])
  await runNetconvert(netconvert, [
    ...['--node-files', file('fig8.nod.xml')],
    ...['--edge-files', file('fig8.edg.xml')],
    ...['--connection-files', file('fig8.con.xml')],
    ...['--output-file', netFile],
    ...['--no-internal-links', 'false'],
    ...['--no-turnarounds', 'true'],
    ...['--xml-validation', 'never'],
  ])
  return { netFile, routeFile, ...measureLoop(await readFile(netFile, 'utf8')) }
}

/** Writes cars, types and routes alone. */
export async function writeRoutes(routeFile: string, cars: Cars): Promise<void> {
  await writeFile(routeFile, routesXml(cars))
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

/** m: half the width of the eight; also the radius of its two three-quarter circles. */
const RADIUS = 30
/** m, as SUMO keeps it: 3π/2 · 30 to the centimetre. */
const RING_LENGTH = 141.37

interface Edge {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly length: number
  /** The road straight up has priority over the road straight left; the rings have none. */
  readonly priority?: number
}

/** The edges in loop order. */
const edges: readonly Edge[] = [
  { id: 'bottom', from: 'bottom', to: 'center', length: RADIUS, priority: 78 },
  { id: 'top', from: 'center', to: 'top', length: RADIUS, priority: 78 },
  { id: 'upper_ring', from: 'top', to: 'right', length: RING_LENGTH },
  { id: 'right', from: 'right', to: 'center', length: RADIUS, priority: 46 },
  { id: 'left', from: 'center', to: 'left', length: RADIUS, priority: 46 },
  { id: 'lower_ring', from: 'left', to: 'bottom', length: RING_LENGTH },
]

/** All roads in loop order: each edge, then the way over the junction at its end, by the name `netconvert` gives it. */
const roads: readonly string[] = [
  ...['bottom', ':center_1', 'top', ':top_0', 'upper_ring', ':right_0'],
  ...['right', ':center_0', 'left', ':left_0', 'lower_ring', ':bottom_0'],
]

function measureLoop(netXml: string): Pick<Network, 'roadStarts' | 'loopLength'> {
  const lengths = new Map<string, number>()
  for (const lane of netXml.matchAll(/<lane id="([^"]+)_0"[^>]* length="([^"]+)"/g)) {
    lengths.set(lane[1]!, Number(lane[2]))
  }
  const roadStarts = new Map<string, number>()
  let centimetres = 0
  for (const road of roads) {
    const length = lengths.get(road)
    if (length === undefined) throw new SumoError(`netconvert must make the road ${road}, got ${[...lengths.keys()]}`)
    roadStarts.set(road, centimetres / 100)
    centimetres += Math.round(100 * length)
  }
  return { roadStarts, loopLength: centimetres / 100 }
}

function nodesXml(): string {
  return `<nodes>
  <node id="center" x="0" y="0" type="priority" radius="3.1"/>
  <node id="right" x="${RADIUS}" y="0" type="priority"/>
  <node id="top" x="0" y="${RADIUS}" type="priority"/>
  <node id="left" x="${-RADIUS}" y="0" type="priority"/>
  <node id="bottom" x="0" y="${-RADIUS}" type="priority"/>
</nodes>
`
}

function edgesXml(preset: Preset): string {
  const lines = edges.map(({ id, from, to, length, priority }) => {
    const rank = priority === undefined ? '' : ` priority="${priority}"`
    const shape = priority === undefined ? ` shape="${ringShape(id === 'upper_ring')}"` : ''
    return `  <edge id="${id}" from="${from}" to="${to}" numLanes="1" speed="${preset.speedLimit}" length="${length}"${rank}${shape}/>`
  })
  return `<edges>\n${lines.join('\n')}\n</edges>\n`
}

/** Three quarters of a circle: the upper one clockwise from the top node, the lower one counter-clockwise from the left. */
function ringShape(upper: boolean): string {
  const segments = 39
  const points: string[] = []
  for (let k = 0; k <= segments; k++) {
    const angle = (1.5 * Math.PI * k) / segments
    const x = upper ? RADIUS - RADIUS * Math.cos(angle) : -RADIUS - RADIUS * Math.sin(angle)
    const y = upper ? RADIUS + RADIUS * Math.sin(angle) : -RADIUS + RADIUS * Math.cos(angle)
    points.push(`${x.toFixed(2)},${y.toFixed(2)}`)
  }
  return points.join(' ')
}

function connectionsXml(): string {
  return `<connections>
  <connection from="bottom" to="top" fromLane="0" toLane="0"/>
  <connection from="right" to="left" fromLane="0" toLane="0"/>
</connections>
`
}

/** Rounds of the loop in one route: with 1000, a car at the limit of 30 m/s drives for four hours before its route ends. */
const LAPS = 1000

function routesXml({ preset, vehicles, learner, startOffsets }: Cars): string {
  const ids = edges.map((edge) => edge.id)
  const lines = [typeXml('human', preset, preset.humanDecel), typeXml('learner', preset, preset.learnerDecel)]
  for (let k = 0; k < ids.length; k++) {
    const lap = [...ids.slice(k), ...ids.slice(0, k)].join(' ')
    lines.push(`<route id="from_${ids[k]}" edges="${lap}" repeat="${LAPS}"/>`)
  }
  startPositions(startOffsets).forEach(({ edge, position }, i) => {
    const type = learner[i] ? 'learner' : 'human'
    lines.push(
      `<vehicle id="${vehicles[i]}" type="${type}" route="from_${edge}" depart="0" departLane="0" departPos="${position.toFixed(2)}" departSpeed="0"/>`,
    )
  })
  return `<routes>\n${lines.map((line) => `  ${line}`).join('\n')}\n</routes>\n`
}

function typeXml(id: string, preset: Preset, decel: number): string {
  const color = id === 'learner' ? ' color="1,0,0"' : ''
  return `<vType id="${id}" carFollowModel="IDM" accel="${preset.accel}" decel="${decel}" tau="1" minGap="2.5" length="5" maxSpeed="${preset.speedLimit}" speedFactor="1" speedDev="0"${color}/>`
}

/** Edge and position on it (m, to the centimetre) of each car: evenly spaced over the loop without its junctions, plus its offset (m). */
export function startPositions(offsets: readonly number[]): { readonly edge: string; readonly position: number }[] {
  const centimetres = edges.map((edge) => Math.round(100 * edge.length))
  const total = centimetres.reduce((sum, length) => sum + length, 0)
  return offsets.map((offset, i) => {
    const place = Math.round((total * i) / offsets.length + 100 * offset)
    let rest = place - total * Math.floor(place / total)
    let k = 0
    while (rest >= centimetres[k]!) rest -= centimetres[k++]!
    return { edge: edges[k]!.id, position: rest / 100 }
  })
}
