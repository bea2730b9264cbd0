import t from 'tap'
import { createEmbeddedWorld, createRecorder } from '../sim-bridge/index.ts'

const facts = { network: 'figure-eight', preset: 'flow', sim: 'embedded', seed: 1, driver: 'jerky' } as const

t.test('a trajectory marks what the score counts, also where a latched brake overrides the driver', async (t) => {
  const world = createEmbeddedWorld({ preset: 'flow' }, { brake: 'latched' })
  let marked = 0
  const recorder = createRecorder(world, facts, ({ braking }) => {
    marked = braking.reduce((sum, flag) => sum + flag, 0)
  })
  const given = new Float64Array(14)
  let state = await world.reset()
  let latched = 0
  recorder.begin(1)
  for (let k = 0; !state.truncated; k++) {
    const before = state.info.forcedBrakings
    // Three seconds of full throttle, then three in which nobody commands.
    given.fill(k % 60 < 30 ? 3 : Number.NaN)
    state = await world.step(given)
    recorder.step()
    if (k % 60 >= 30) latched += state.info.forcedBrakings - before
  }
  recorder.end()
  t.ok(latched > 0, 'safety lowers the command of a latched brake too')
  t.equal(marked, state.info.forcedBrakings)
})
