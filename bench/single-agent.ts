import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Config, defaultConfig } from '../schemas/config.ts'
import { Decisions } from '../sim-bridge/serve/decisions.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { constantPolicies, drive } from './single-agent-lines.ts'
import { singleAgentDefaults, trainSingleAgent } from './single-agent-ppo.ts'

const usage = `npm run bench:single-agent [-- OPTIONS]: PPO of the learning core on one learner among 13 drivers (docs/results/cleanrl.md).

  --seed N              seed of weights, exploration and starts (default 1)
  --decisions N         decisions to train for (default 200000)
  --ends merged|kept|hidden   a time limit counts as a termination, as in CleanRL (default), bootstraps from the last
                        observation, or is not told: the next epoch follows as if nothing had happened
  --out FILE            one JSON line per epoch driven
  --lines               no training: what drivers, random and constant actions reach
  --quick               4096 decisions`

/** The task of the comparison: one learner among 13 drivers, paid by the mean speed of all, a decision a second. */
const task: Config = { ...defaultConfig, setting: 'headway', vehicles: 14, learners: 1, startJitter: 1 }

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    decisions: { type: 'string' },
    ends: { type: 'string' },
    out: { type: 'string' },
    lines: { type: 'boolean' },
    quick: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
if (values.help) process.stdout.write(`${usage}\n`)
else {
  const world = await openWorld(task)
  const view = { observation: 'gaps', action: 'acceleration' } as const
  const decisions = new Decisions(world, task.preset, view)
  if (values.lines) await lines(decisions)
  else await train(decisions)
  await world.close()
}

async function lines(decisions: Decisions): Promise<void> {
  const { decisionSteps } = singleAgentDefaults
  for (const { name, policy } of constantPolicies) {
    const { meanReturn, deviation, meanSpeed, collisions } = await drive(decisions, policy, decisionSteps, 20)
    process.stdout.write(
      `${name.padEnd(24)} return ${meanReturn.toFixed(2)} ± ${deviation.toFixed(2)}  mean speed ${meanSpeed.toFixed(3)} m/s  collisions ${collisions.toFixed(2)}\n`,
    )
  }
}

async function train(decisions: Decisions): Promise<void> {
  const { ends = 'merged' } = values
  if (ends !== 'merged' && ends !== 'kept' && ends !== 'hidden')
    throw new Error(`--ends must be merged, kept or hidden, got ${ends}`)
  const options = {
    ...singleAgentDefaults,
    seed: Number(values.seed ?? singleAgentDefaults.seed),
    decisions: values.quick ? 4096 : Number(values.decisions ?? singleAgentDefaults.decisions),
    ends,
  } as const
  const file = values.out === undefined ? undefined : createWriteStream(values.out)
  const start = performance.now()
  const returns: number[] = []
  await trainSingleAgent(decisions, options, (episode) => {
    returns.push(episode.return)
    file?.write(`${JSON.stringify(episode)}\n`)
  })
  const seconds = (performance.now() - start) / 1_000
  if (file) await once(file.end(), 'finish')
  const last = returns.slice(-Math.ceil(returns.length / 10))
  process.stdout.write(
    `seed ${options.seed}, ends ${ends}: ${returns.length} epochs, return of the last tenth ${mean(last).toFixed(2)}, ` +
      `${Math.round(options.decisions / seconds)} decisions/s with learning\n`,
  )
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
