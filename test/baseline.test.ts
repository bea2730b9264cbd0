import t from 'tap'
import { watchWorld } from '../cli/watch-world.ts'
import { defaultConfig } from '../schemas/config.ts'
import { measureBaseline } from '../sim-bridge/baseline.ts'
import { createRecorder } from '../sim-bridge/trajectory/trajectory.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { headway } from './support/watching.ts'

/** Starts with which two drivers collide at step 56, which SUMO's rules allow from such places. */
const crash = { startJitter: 3, seed: 2 } as const

t.test("the drivers' baseline is over the whole epoch, whatever a collision does to an epoch", async (t) => {
  const ending = await openWorld({ ...defaultConfig, ...crash, collision: 'end' })
  const alone = new Float64Array(14).fill(Number.NaN)
  let state = await ending.reset(crash.seed)
  while (!state.terminated && !state.truncated) state = await ending.step(alone)
  t.match(state, { terminated: true, info: { step: 56, collisions: 1 } }, 'these drivers do collide')

  let steps = 0
  const facts = { network: 'figure-eight', preset: 'flow', sim: 'embedded', seed: 2, driver: 'none' } as const
  const recorder = createRecorder(ending, facts, (epoch) => {
    steps = epoch.steps
  })
  const goesOn = await openWorld({ ...defaultConfig, ...crash })
  t.same(await measureBaseline(ending, crash.seed, recorder), await measureBaseline(goesOn, crash.seed))
  t.equal(steps, 1500)
})

t.test('watch compares with drivers over the whole epoch too', async (t) => {
  const drivenAlone = async (collision: string) => {
    const world = await watchWorld({ ...headway, 'start-jitter': 3, seed: 2, collision }, 1, () => 0)
    await world.until(60)
    return world.view()?.baseline
  }
  const baseline = await drivenAlone('end')
  t.match(baseline, { nas: Number, meanSpeed: Number })
  t.same(baseline, await drivenAlone('continue'))
})
