import t from 'tap'
import { StartError } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { minimalStandard } from './support/driving.ts'

/** Where the shared part of the crossing starts, in coordinates of the loop, m. */
const majorZone = 33.1
const minorZone = 244.07

t.test('of two cars the nearer one goes first, at the same distance the smaller id', async (t) => {
  for (const [ids, offsets, expected] of [
    [['a', 'b'], [0.5, 0], 'major'],
    [['a', 'b'], [0, 0.5], 'minor'],
    [['b', 'a'], [0.01, 0], 'major'],
    [['a', 'b'], [0, 0.01], 'minor'],
    [['a', 'b'], [0, 0], 'major'],
    [['b', 'a'], [0, 0], 'minor'],
    [['a10', 'a9'], [0, 0], 'major'],
  ] as const) {
    const simulator = new TrafficSimulator({
      preset: 'flow',
      vehicles: ids,
      learners: [],
      startOffsets: offsets,
      crossing: 'nearest-first',
    })
    const idle = new Float64Array(2).fill(Number.NaN)
    const inside = (): [boolean, boolean] => [simulator.position[0]! > majorZone, simulator.position[1]! > minorZone]
    while (!inside().includes(true)) simulator.step(idle)
    t.same(inside(), [expected === 'major', expected === 'minor'], `${ids} ahead by ${offsets}`)
  }
})

t.test('a car that is told to stand before the line holds the other road up for some seconds only', async (t) => {
  const simulator = new TrafficSimulator({
    preset: 'flow',
    vehicles: ['a', 'b'],
    learners: [0, 1],
    startOffsets: [1, 0],
    crossing: 'nearest-first',
  })
  const accelerations = Float64Array.of(Number.NaN, Number.NaN)
  while (simulator.position[0]! < 29.9) {
    accelerations[0] = 1 - simulator.speed[0]!
    accelerations[1] = 0.5 - simulator.speed[1]!
    simulator.step(accelerations)
  }
  // Nearer to the crossing than the other can stop before its own line.
  accelerations[0] = -20
  accelerations[1] = Number.NaN
  let steps = 0
  for (; simulator.position[1]! < 240.97 && steps < 1000; steps++) simulator.step(accelerations)
  t.ok(simulator.position[0]! < 30 && simulator.speed[0] === 0, 'it stands before the crossing')
  t.ok(steps > 50 && steps < 300, `after ${steps} steps the other enters`)
})

for (const network of ['figure-eight', 'merge'] as const) {
  for (const commanded of [false, true]) {
    t.test(
      `${network}, ${commanded ? 'random commands' : 'drivers'}: no collision, nobody waits for ever`,
      async (t) => {
        let runs = 0
        let longest = 0
        for (let seed = 1; seed <= 25; seed++) {
          const random = minimalStandard(seed * 104729)
          const simulator = drawSimulator(network, random)
          if (simulator === undefined) continue
          runs++
          const count = simulator.vehicles.length
          const accelerations = new Float64Array(count).fill(Number.NaN)
          const standing = new Int32Array(count)
          let collisions = 0
          for (let k = 0; k < 6000; k++) {
            for (let i = 1; commanded && i < count; i += 2) {
              if (k === 0 || random() < 0.01) accelerations[i] = drawCommand(random())
            }
            simulator.step(accelerations)
            collisions += simulator.collisions.length
            for (let i = 0; i < count; i++) {
              standing[i] = simulator.speed[i]! < 0.1 ? standing[i]! + 1 : 0
              longest = Math.max(longest, standing[i]!)
            }
          }
          t.equal(collisions, 0, `seed ${seed}, ${count} cars`)
        }
        t.ok(runs > 20, `${runs} runs`)
        // Drivers creep on at more than 0.1 m/s; a commanded car stands until its command changes, 10 s on average.
        t.ok(longest < (commanded ? 3000 : 50), `the longest that any car stood: ${longest} steps`)
      },
    )
  }
}

/** Two cars to as many as fit between the two passes of the crossing, unevenly placed; undefined where they do not fit. */
function drawSimulator(network: 'figure-eight' | 'merge', random: () => number): TrafficSimulator | undefined {
  const count = 2 + Math.floor(25 * random())
  const slack = Math.max(0, Math.min(20, 400 / count - 8))
  try {
    return new TrafficSimulator({
      preset: random() < 0.5 ? 'flow' : 'lab',
      network,
      vehicles: Array.from({ length: count }, (_, i) => `${Math.floor(1e6 * random())}.${i}`),
      startOffsets: Array.from({ length: count }, () => (random() - 0.5) * slack),
      crossing: 'nearest-first',
    })
  } catch (error) {
    if (error instanceof StartError) return undefined
    throw error
  }
}

function drawCommand(u: number): number {
  if (u < 0.2) return -20
  return u < 0.4 ? Number.NaN : 10 * (u - 0.4) - 2
}
