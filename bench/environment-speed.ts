import { createRng } from '../device/core/index.ts'
import { defaultConfig } from '../schemas/config.ts'
import { Decisions } from '../sim-bridge/serve/decisions.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { figureOf } from './measure.ts'

/**
 * Decisions per second in process, random actions, no learning; `bench/environment_speed.py` drives the same through the
 * Python client. Command: npm run bench:environment-speed
 */
for (const decisionSteps of [1, 10])
  for (const learners of [1, 7]) {
    const world = new Decisions(await openWorld({ ...defaultConfig, learners }), defaultConfig.preset, {
      observation: 'gaps',
      action: 'timeGap',
    })
    const rates: number[] = []
    for (let r = 0; r < 5; r++) rates.push(await measure(world, decisionSteps, 30_000))
    const { minimum, median, about } = figureOf(
      'rate',
      'decisions/s',
      rates,
      `${learners} learners, ${decisionSteps} steps a decision`,
    )
    const shown = [minimum, median, Math.max(...rates)].map(Math.round)
    console.log(`in process, ${about}: ${shown.join(' / ')} decisions/s (least, median, most of five)`)
    await world.world.close()
  }

async function measure(world: Decisions, decisionSteps: number, decisions: number): Promise<number> {
  const rng = createRng(1, 'actions')
  const actions = new Float64Array(world.agents.length)
  const start = performance.now()
  let ended = true
  for (let k = 0; k < decisions; k++) {
    if (ended) await world.reset(k)
    for (let j = 0; j < actions.length; j++) actions[j] = 2 * rng.uniform() - 1
    const { terminated, truncated } = await world.step(actions, decisionSteps)
    ended = terminated || truncated
  }
  return (1_000 * decisions) / (performance.now() - start)
}
