import { actionCount, featureCount } from '../../../device/features.ts'
import type { Config } from '../../../schemas/config.ts'
import { settingOf } from '../../../schemas/setting-of.ts'
import { openWorld } from '../../worlds.ts'
import { type AggregatorContext, createExperiment, type ExperimentOptions } from '../experiment.ts'
import { type ConsideredRecorder, createConsideredRecorder } from './considered-recorder.ts'
import { createEpisodes, type FleetPolicies } from './episode.ts'
import { type PairedGain, pairedGain } from './paired-gain.ts'

export interface TrueGainOptions {
  readonly config: Config
  /** Most mixes to drive again: half of them accepted, half rejected ones. */
  readonly mixes: number
  /** Paired episodes per mix. */
  readonly episodes: number
  /** m: each car starts up to so far from its even place in those episodes. */
  readonly startJitter: number
  readonly createEngine: ExperimentOptions['createEngine']
  readonly attachAggregator?: (context: AggregatorContext) => void
  readonly onProgress?: (part: 'epochs' | 'mixes', done: number, of: number) => void
}

/** One run and what its mixes would really have been worth. */
export interface TrueGainRun {
  readonly seed: number
  /** Mixes considered with evidence in the whole run, and those of them that were accepted. */
  readonly considered: number
  readonly accepted: number
  readonly mixes: readonly DrivenMix[]
}

/** A considered mix beside its gain in paired episodes. */
export interface DrivenMix extends PairedGain {
  readonly vehicle: string
  readonly peer: string | null
  readonly epoch: number
  readonly accepted: boolean
  /** The α that was driven: that of the verdict, or for a rejected peer the one that |A| would have allowed. */
  readonly alpha: number
  /** A of the peer as the agent estimated it, in discounted return; null where the method does not look. */
  readonly policyAdvantage: number | null
}

/** Trains one fleet, keeps a draw of the mixes that it considered, and drives each again with and without the mix. */
export async function runTrueGain(options: TrueGainOptions): Promise<TrueGainRun> {
  const { config } = options
  const recorder = await train(options)
  const drawn = recorder.mixes()
  const mixes: DrivenMix[] = []
  const world = await openWorld({ ...config, startJitter: options.startJitter })
  try {
    const setting = settingOf(config)
    const engine = options.createEngine(featureCount(setting), config.hidden, actionCount(setting))
    const drive = createEpisodes({ world, engine, setting, preset: config.preset, seed: config.seed })
    for (const [i, { vehicle, epoch, verdict, alpha, own, next, policies }] of drawn.entries()) {
      const episodes = Array.from({ length: options.episodes }, (_, j) => 1 + i * options.episodes + j)
      const before = new Map(policies).set(vehicle, own)
      const gain = await pairedGain(drive, { policies: before, vehicle, next, episodes })
      mixes.push({
        ...{ vehicle, peer: verdict.peerId, epoch, accepted: verdict.accepted, alpha },
        policyAdvantage: verdict.policyAdvantage ?? null,
        ...gain,
      })
      options.onProgress?.('mixes', i + 1, drawn.length)
    }
  } finally {
    await world.close()
  }
  return { seed: config.seed, considered: recorder.considered, accepted: recorder.accepted, mixes }
}

async function train(options: TrueGainOptions): Promise<ConsideredRecorder> {
  const { config, createEngine, attachAggregator } = options
  const world = await openWorld(config)
  try {
    const policies = (): FleetPolicies =>
      new Map([...experiment.devices].map(([id, { agent }]) => [id, agent.learner.policy.slice()]))
    const recorder = createConsideredRecorder({
      ...{ limit: options.mixes, seed: config.seed, margin: config.margin, policies },
    })
    const experiment = createExperiment({
      ...{ config, world, createEngine, onConsidered: recorder.onConsidered },
      ...(attachAggregator && { attachAggregator }),
      onEvent: (event) => {
        if (event.kind === 'epoch') options.onProgress?.('epochs', event.epoch, config.epochs)
      },
    })
    await experiment.run()
    return recorder
  } finally {
    await world.close()
  }
}
