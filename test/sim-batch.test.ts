import t from 'tap'
import { createBatch } from '../sim-bridge/sim/batch.ts'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { minimalStandard } from './support/driving.ts'
import { heapGrowth } from './support/heap.ts'

const quantities = ['position', 'speed', 'gap', 'leader', 'follower', 'braking'] as const

t.test('each world of a batch drives to the bits of a world alone', async (t) => {
  for (const network of ['figure-eight', 'ring', 'merge'] as const) {
    const options = { preset: 'flow', network } as const
    const batch = createBatch({ worlds: 3, ...options })
    const alone = [0, 1, 2].map(() => new TrafficSimulator(options))
    const controllers = ['headway:5', 'cap:6', 'pulse:3:4'].map(createController)
    const commands = new Float64Array(3 * batch.cars)
    const offsets = Array.from({ length: batch.cars }, (_, i) => (i % 3) * 0.5)
    for (let k = 0; k < 900; k++) {
      if (k === 500) {
        batch.reset(1, offsets)
        alone[1]!.reset(offsets)
      }
      alone.forEach((simulator, w) => {
        const own = commands.subarray(w * batch.cars, (w + 1) * batch.cars)
        controllers[w]!(simulator, k, own)
        simulator.step(own)
      })
      batch.step(commands)
    }
    for (const quantity of quantities) {
      const expected = alone.flatMap((simulator) => [...simulator[quantity]])
      t.same([...batch[quantity]], expected, `${network} ${quantity}`)
      t.equal(batch.worlds[2]![quantity].buffer, batch[quantity].buffer, 'a view of the same memory')
    }
  }
})

t.test('steps of a batch leave nothing on the heap', async (t) => {
  const batch = createBatch({ worlds: 64, preset: 'flow', network: 'merge' })
  const nobody = new Float64Array(64 * 14).fill(Number.NaN)
  const grown = heapGrowth(() => {
    for (let k = 0; k < 600; k++) batch.step(nobody)
  })
  t.ok(grown < 100_000, `${grown} bytes: less than 3 a step of a world`)
})

t.test('mistakes with a batch name the rule and the value', async (t) => {
  t.throws(() => createBatch({ worlds: 0, preset: 'flow' }), /worlds must be a positive integer, got 0/)
  const batch = createBatch({ worlds: 2, preset: 'flow' })
  t.throws(() => batch.step(new Float64Array(14)), /one value per car of all worlds \(28\), got 14/)
  t.throws(() => batch.reset(2), /world must be 0 to 1, got 2/)
  t.throws(() => batch.reset(0, [1]), /one value per car \(14\), got 1/)
})

t.test('a thousand cars have the order, the gaps and the speeds that their neighbours tell', async (t) => {
  const random = minimalStandard(7)
  for (const network of ['figure-eight', 'ring', 'merge'] as const) {
    const vehicles = Array.from({ length: 1000 }, (_, i) => `v${i}`)
    const simulator = new TrafficSimulator({ preset: 'flow', network, vehicles, size: 80 })
    const accelerations = Float64Array.from({ length: 1000 }, () => 3 * random() - 1)
    for (let k = 0; k < 200; k++) simulator.step(accelerations)
    t.ok(Math.max(...simulator.speed) > 1)
    t.equal(simulator.collisions.length, 0)
    if (network === 'merge') continue
    const total = simulator.gap.reduce((sum, gap) => sum + gap + 5, 0)
    t.ok(Math.abs(total - simulator.loopLength) < 1e-6, `${network}: gaps and cars fill the loop once`)
    simulator.leader.forEach((car, i) => {
      if (simulator.follower[car] !== i) t.fail(`${i} is not the follower of its leader ${car}`)
    })
  }
})
