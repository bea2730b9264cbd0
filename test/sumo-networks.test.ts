import t, { type Test } from 'tap'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { createNetwork } from '../sim-bridge/sim/network.ts'
import { ringPlan } from '../sim-bridge/sim/networks/ring.ts'
import { createScenario, type ScenarioOptions, spreadLearners, vehicleIds } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'
import { writeNetwork } from '../sim-bridge/sumo/network.ts'
import { createSumoSimulator, type SumoSimulator } from '../sim-bridge/sumo/sumo-simulator.ts'
import { minimalStandard } from './support/driving.ts'
import { testFolder } from './support/program.ts'
import { requireTool } from './support/require.ts'

const steps = 1499

/** Both worlds under the same controller: relative error of the mean speed, and the largest difference of a speed, m/s. */
async function compare(world: SumoSimulator, options: ScenarioOptions, name: string) {
  await world.reset()
  const simulator = new TrafficSimulator(options)
  const controller = createController(name)
  const ours = new Float64Array(simulator.vehicles.length)
  const theirs = new Float64Array(simulator.vehicles.length)
  let sum = 0
  let sumoSum = 0
  let worst = 0
  let neighbours = 0
  for (let k = 1; k <= steps; k++) {
    controller(simulator, k, ours)
    controller(world, k, theirs)
    simulator.step(ours)
    await world.step(theirs)
    simulator.speed.forEach((v, i) => {
      sum += v
      sumoSum += world.speed[i]!
      worst = Math.max(worst, Math.abs(v - world.speed[i]!))
      const same = simulator.leader[i] === world.leader[i] && simulator.follower[i] === world.follower[i]
      if (!same || Math.abs(simulator.gap[i]! - world.gap[i]!) > 0.01) neighbours++
    })
  }
  return { mean: sumoSum / ours.length / steps, error: sum / sumoSum - 1, worst, neighbours }
}

/** Prints and checks one scenario on SUMO; `limits` are the largest error of the mean and the largest of one speed, m/s. */
async function check(
  t: Test,
  options: ScenarioOptions,
  controllers: readonly string[],
  limits: { readonly error: number; readonly worst: number },
): Promise<void> {
  const world = await createSumoSimulator(options)
  t.teardown(() => world.close())
  const learners = world.learner.filter((learns) => learns).length
  const about = `${options.network ?? 'figure-eight'} ${options.preset} ${world.vehicles.length} cars, ${learners} learn`
  for (const name of controllers) {
    const { mean, error, worst, neighbours } = await compare(world, options, name)
    const figures = `${mean.toFixed(4)} m/s, error ${(100 * error).toFixed(4)} %, largest ${worst.toFixed(5)} m/s`
    t.comment(`${about}, ${name}: ${figures}`)
    t.ok(Math.abs(error) <= limits.error && worst <= limits.worst, `${about}, ${name}`)
    if (limits.worst < 0.001) t.equal(neighbours, 0, 'gaps, leaders and followers agree')
  }
}

/** Half the last digit of the reference runs. */
const exact = { error: 1e-6, worst: 0.0005 }

t.test('the ring is driven as on SUMO, to the printed digit', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const controllers = ['none', 'cap:5', 'headway:3', 'pulse:3:4']
  await check(t, { preset: 'flow', network: 'ring' }, controllers, exact)
  const one = spreadLearners(22, 1)
  await check(
    t,
    { preset: 'lab', network: 'ring', size: 3, vehicles: vehicleIds(22), learners: one },
    controllers,
    exact,
  )
})

t.test('the merge is driven as on SUMO', async (t) => {
  if (!requireTool(t, 'sumo')) return
  for (const [count, learners] of [
    [2, 1],
    [7, 7],
    [14, 7],
    [22, 11],
    [40, 20],
  ] as const) {
    const vehicles = vehicleIds(count)
    const options = { preset: 'flow', network: 'merge', vehicles, learners: spreadLearners(count, learners) } as const
    await check(t, options, ['none', 'cap:5', 'headway:5', 'alt:4:8'], exact)
  }
  const lab = { preset: 'lab', network: 'merge', learners: spreadLearners(14, 14) } as const
  await check(t, lab, ['none', 'headway:5'], exact)
})

t.test('in standing queues the merge amplifies the last bits of a double, and its mean stays', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const options = { preset: 'flow', network: 'merge', vehicles: vehicleIds(22) } as const
  await check(t, options, ['pulse:3:4', 'const:0.5'], { error: 0.0001, worst: 0.05 })
})

t.test('the figure eight takes other numbers of cars and learners', async (t) => {
  if (!requireTool(t, 'sumo')) return
  for (const count of [2, 7, 22, 40]) {
    for (const learners of [0, 1, count]) {
      const options = {
        preset: 'flow',
        vehicles: vehicleIds(count),
        learners: spreadLearners(count, learners),
      } as const
      const controllers = learners === 0 ? ['none'] : learners === 1 ? ['headway:5'] : ['none', 'cap:5', 'headway:5']
      await check(t, options, controllers, { error: 0.0001, worst: 0.1 })
    }
  }
})

t.test('Flow’s figureeight0 and figureeight2 and larger roads are driven as on SUMO', async (t) => {
  if (!requireTool(t, 'sumo')) return
  await check(t, { preset: 'flow', learners: spreadLearners(14, 1) }, ['headway:5'], exact)
  await check(t, { preset: 'flow', learners: spreadLearners(14, 14) }, ['headway:5'], exact)
  await check(t, { preset: 'flow', size: 3, vehicles: vehicleIds(42) }, ['none', 'headway:5'], exact)
  await check(t, { preset: 'flow', network: 'merge', size: 2.5, vehicles: vehicleIds(35) }, ['none'], exact)
})

t.test('cars that brake hard and late collide at the merge where SUMO says so', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const options = { preset: 'flow', network: 'merge' } as const
  const world = await createSumoSimulator(options)
  t.teardown(() => world.close())
  let both = 0
  let only = 0
  for (let seed = 2; seed <= 9; seed++) {
    await world.reset()
    const simulator = new TrafficSimulator(options)
    const accelerations = new Float64Array(14).fill(Number.NaN)
    const random = minimalStandard(seed)
    let before = new Set<string>()
    for (let k = 0; k < 1500; k++) {
      for (let i = 1; i < 14; i += 2) {
        if (k === 0 || random() < 1 / 30) accelerations[i] = random() < 0.25 ? -20 : 3
      }
      simulator.step(accelerations)
      await world.step(accelerations)
      // After a collision the worlds may part: there is nothing left to compare.
      if (simulator.speed.some((v, i) => Math.abs(v - world.speed[i]!) > 0.05)) break
      const ours = new Set(simulator.collisions.map(String))
      // SUMO lists a pair for one step more than its bodies overlap.
      const theirs = new Set(world.collisions.map(String).filter((pair) => ours.has(pair) || !before.has(pair)))
      for (const pair of new Set([...ours, ...theirs])) {
        if (ours.has(pair) && theirs.has(pair)) both++
        else only++
      }
      before = ours
    }
  }
  t.comment(`${both} pairs and steps in both worlds, ${only} in one`)
  t.ok(both > 0 && only <= 0.2 * both)
})

t.test('a net that is not the plan is refused with the road and its length', async (t) => {
  if (!requireTool(t, 'sumo')) return
  const plan = ringPlan(1)
  const lanes = plan.lanes.map((lane, k) => (k === 1 ? { ...lane, length: 0.2 } : lane))
  const scenario = {
    ...createScenario({ preset: 'flow', network: 'ring' }),
    network: createNetwork({ ...plan, lanes }),
  }
  await t.rejects(
    writeNetwork({ ...scenario, directory: testFolder(t), netconvert: 'netconvert' }),
    /netconvert must make the road :right_0 0.2 m at 30 m\/s, got 0.1 m at 30 m\/s/,
  )
})
