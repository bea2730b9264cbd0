import { createLocalBroker } from '../../../device/bus/local-bus.ts'
import { createWasmEngine } from '../../../device/engines/wasm.ts'
import type { JobResult, StudyJob } from '../../../schemas/study.ts'
import type { Summary } from '../../../schemas/summary.ts'
import { channels } from '../../../schemas/topics.ts'
import { formatVersion } from '../../../schemas/validator.ts'
import type { LoadedPolicy } from '../../policy-controller.ts'
import type { World } from '../../world.ts'
import { openWorld } from '../../worlds.ts'
import { createAttack } from '../attack/attack.ts'
import { type AggregatorContext, createExperiment, type Experiment } from '../experiment.ts'
import { comparedEpochs, divergence } from './divergence.ts'
import { evaluateJob } from './evaluation.ts'
import { jobHash } from './jobs.ts'
import { createMixCounts } from './mixes.ts'
import { createEpochObserver } from './observer.ts'

export interface JobOptions {
  /** Starts the averaging server of the methods that need it. */
  readonly attachAggregator: (job: StudyJob, context: AggregatorContext) => void
  /** Told of each epoch that is done. */
  readonly onEpoch?: (epoch: number) => void
}

/**
 * Runs one job to its end on the WebAssembly engine. Its result depends on the job alone. Rejects where the world cannot be
 * opened (ExitError, errors of SUMO) and where anything but the job changed the course of the run.
 */
export async function runStudyJob(job: StudyJob, options: JobOptions): Promise<JobResult> {
  const world = await openWorld(job.config)
  let trained: Trained
  try {
    trained = await train(job, world, options)
  } finally {
    await world.close()
  }
  const { result, untrained, policies } = trained
  if (job.evaluation === undefined) return result
  return { ...result, evaluation: await evaluateJob(job, job.evaluation, { untrained, trained: policies }) }
}

interface Trained {
  readonly result: JobResult
  readonly untrained: ReadonlyMap<string, LoadedPolicy>
  readonly policies: ReadonlyMap<string, LoadedPolicy>
}

async function train(job: StudyJob, world: World, { attachAggregator, onEpoch }: JobOptions): Promise<Trained> {
  const { config, seed } = job
  const vehicles = world.vehicles.filter((_, i) => world.learner[i])
  const broker = createLocalBroker()
  const counts = createMixCounts(vehicles, config.epochs, seed)
  broker.connect().subscribe(channels.verdict, { fleet: config.fleet }, (verdict) => counts.add(verdict))
  const observer = createEpochObserver(world)
  const compared = comparedEpochs(config.epochs)
  const epochs: JobResult['epochs'] = { meanSpeed: [], nas: [], worstLearner: [], collisions: [], forcedBrakings: [] }
  const divergences: JobResult['divergence'] = []
  let collisions = 0
  const attack = job.attack === null ? undefined : createAttack({ ...job.attack, learners: vehicles, config })

  const experiment: Experiment = createExperiment({
    config,
    world,
    broker,
    recorder: observer,
    createEngine: (observationSize, hidden, actionSize) => createWasmEngine({ observationSize, hidden, actionSize }),
    attachAggregator: (context) => attachAggregator(job, context),
    ...(attack && { attack }),
    onEvent(event) {
      if (event.kind !== 'epoch') return
      const total = experiment.bridge.summary().collisions
      epochs.meanSpeed.push(event.meanSpeed)
      epochs.nas.push(event.nas)
      epochs.worstLearner.push(observer.worstLearner())
      epochs.collisions.push(total - collisions)
      epochs.forcedBrakings.push(observer.forcedBrakings())
      collisions = total
      if (compared.has(event.epoch))
        divergences.push({
          epoch: event.epoch,
          kl: divergence([...experiment.devices.values()].map(({ agent }) => agent)),
        })
      onEpoch?.(event.epoch)
    },
  })
  const untrained = policiesOf(experiment)
  const summary = await experiment.run()
  if (!summary.deterministic) throw new Error(`job ${job.id} was disturbed: ${summary.causes[0]}`)
  const { label } = job
  const result: JobResult = {
    ...{ version: formatVersion, id: job.id, label, seed, attack: job.attack, jobHash: jobHash(job) },
    ...{ vehicles, attackers: [...(attack?.attackers ?? [])], ...learnersOf(summary, vehicles) },
    baseline: summary.baseline.meanSpeed,
    epochs,
    considered: counts.considered,
    referred: summary.referred,
    accepted: summary.matrix,
    verdicts: sorted(summary.verdicts),
    mixes: counts.mixes(),
    divergence: divergences,
    policies: Object.fromEntries(vehicles.map((id) => [id, summary.policies[id] ?? ''])),
  }
  return { result, untrained, policies: policiesOf(experiment) }
}

/** What the agents hold now; an agent's policy is a new array with every change. */
function policiesOf({ devices }: Experiment): Map<string, LoadedPolicy> {
  return new Map([...devices].map(([id, { agent }]) => [id, { engine: agent.engine, policy: agent.policy }]))
}

function learnersOf({ learners }: Summary, vehicles: readonly string[]): Pick<JobResult, 'intervalsS' | 'samples'> {
  return {
    intervalsS: vehicles.map((id) => learners?.[id]?.intervalS ?? 0),
    samples: vehicles.map((id) => learners?.[id]?.samples ?? 0),
  }
}

/** Keys in code-unit order, so that bytes do not depend on what came first. */
function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
}
