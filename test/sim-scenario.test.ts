import t from 'tap'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { createScenario, type ScenarioOptions } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'

t.test('starts are even on the normal lanes, rounded to a centimetre', async (t) => {
  const { starts, learner, vehicles } = createScenario({ preset: 'flow' })
  t.same(
    starts.map(({ lane, position }) => [lane, position]),
    [
      [0, 0],
      [0, 28.77],
      [2, 27.53],
      [4, 26.3],
      [4, 55.07],
      [4, 83.84],
      [4, 112.6],
      [6, 0],
      [6, 28.77],
      [8, 27.53],
      [10, 26.3],
      [10, 55.07],
      [10, 83.84],
      [10, 112.6],
    ],
    'as in the route files of the reference runs',
  )
  t.same(learner, [false, true, false, true, false, true, false, true, false, true, false, true, false, true])
  t.equal(vehicles[0], 'car00')
  t.equal(vehicles[13], 'car13')
  const moved = createScenario({ preset: 'flow', startOffsets: offsets({ 0: -1, 2: 1.234, 7: -0.5 }) }).starts
  t.same(
    [moved[0], moved[2], moved[7]],
    [
      { route: 0, lane: 10, position: 140.37 },
      { route: 0, lane: 2, position: 28.77 },
      { route: 0, lane: 4, position: 140.87 },
    ],
  )
})

t.test('bad options name the rule and the value', async (t) => {
  const refused: [Partial<Record<keyof ScenarioOptions, unknown>>, RegExp][] = [
    [{ preset: 'town' }, /preset must be one of lab,flow, got town/],
    [{ vehicles: [] }, /at least one car, got none/],
    [{ vehicles: ['a', ''] }, /vehicle ids must match .*, got ""/],
    [{ vehicles: ['a"b'] }, /vehicle ids must match .*, got "a"b"/],
    [{ network: 'town' }, /network must be one of figure-eight,ring,merge, got town/],
    [{ size: 0 }, /size must be 0.25 to 10000, got 0/],
    [{ size: Number.NaN }, /size must be 0.25 to 10000, got NaN/],
    [{ vehicles: ['a', 'b', 'a'] }, /must be distinct, got a twice/],
    [{ learners: [1, 14] }, /car indices in 0…13, got 14/],
    [{ learners: [0.5] }, /car indices in 0…13, got 0.5/],
    [{ startOffsets: [1] }, /one value per car \(14\), got 1/],
    [{ startOffsets: offsets({ 3: Number.NaN }) }, /must be finite, got NaN/],
    [{ startOffsets: offsets({ 3: 25 }) }, /at least 2.5 m apart, got -1.23 m from car03 to car04/],
    [{ startOffsets: offsets({ 3: 22 }) }, /at least 2.5 m apart, got 1.77 m/],
    [{ startOffsets: offsets({ 3: 40 }) }, /must keep the cars in order/],
    [{ startOffsets: offsets({ 1: 2, 8: 2 }) }, /at most one car may start in the crossing, got car01,car08/],
  ]
  for (const [options, message] of refused) {
    t.throws(() => new TrafficSimulator({ preset: 'flow', ...options } as ScenarioOptions), message)
  }
  t.doesNotThrow(
    () => new TrafficSimulator({ preset: 'flow', startOffsets: offsets({ 1: 2 }) }),
    'one in the crossing is fine',
  )
  for (const name of ['', 'full', 'const', 'const:x', 'const:', 'cap:1:2', 'alt:4', 'toString']) {
    t.throws(() => createController(name), /got/, name)
  }
  t.throws(() => createController('headway:0'), /must be positive, got headway:0/)
  t.throws(() => createController('pulse:1:-5'), /must be positive, got pulse:1:-5/)
})

/** Start offsets of 14 cars, 0 but for those given. */
function offsets(given: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: 14 }, (_, i) => given[i] ?? 0)
}
