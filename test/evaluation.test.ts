import t from 'tap'
import { type JobResult, type Study, validateJobResult } from '../schemas/study.ts'
import { analyse } from '../sim-bridge/experiment/report/analysis.ts'
import { reportHtml } from '../sim-bridge/experiment/report/report-html.ts'
import { summaryText } from '../sim-bridge/experiment/report/summary-text.ts'
import { runStudyJob } from '../sim-bridge/experiment/study/job.ts'
import { checkStudy, expandStudy, jobHash } from '../sim-bridge/experiment/study/jobs.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import { requireTool } from './support/require.ts'
import { jobResult } from './support/study-results.ts'

type Evaluation = NonNullable<JobResult['evaluation']>

const study: Study = {
  version: 1,
  name: 'evaluated',
  seeds: [3],
  config: { setting: 'gap-law', epochs: 1, hidden: [8], method: 'independent' },
  methods: [{ label: 'alone', config: {} }],
  evaluation: { episodes: 2, startJitter: 2, sims: ['embedded'] },
}

async function evaluated(change: Partial<Study>): Promise<Evaluation> {
  const [job] = expandStudy(checkStudy('test', { ...study, ...change }))
  if (!job) throw new Error('the study has no job')
  const result = await runStudyJob(job, { attachAggregator() {} })
  const validated = validateJobResult(result)
  if (!validated.ok) throw new Error(validated.detail)
  return result.evaluation ?? []
}

function speeds(rows: Evaluation, drivenBy: Evaluation[number]['drivenBy'], sim = 'embedded'): readonly number[] {
  return rows.find((row) => row.sim === sim && row.drivenBy === drivenBy)?.meanSpeed ?? []
}

/** Mean speeds of epochs from the starts of `seeds`, the learners' accelerations given; NaN: their drivers. */
async function driven(seeds: readonly number[], learners: number): Promise<number[]> {
  const world = await openWorld({ ...expandStudy(study)[0]!.config, startJitter: 2 })
  const accelerations = Float64Array.from(world.learner, (learns) => (learns ? learners : Number.NaN))
  const found: number[] = []
  for (const seed of seeds) {
    let state = await world.reset(seed)
    while (!state.truncated && !state.terminated) state = await world.step(accelerations)
    found.push(state.info.epochMeanSpeed)
  }
  await world.close()
  return found
}

t.test('drivers, full throttle, policies before and after drive the same starts', async (t) => {
  const rows = await evaluated({})
  t.same(
    rows.map(({ drivenBy }) => drivenBy),
    ['drivers', 'full-throttle', 'untrained', 'trained'],
  )
  t.same(speeds(rows, 'drivers'), await driven([3000, 3001], Number.NaN))
  t.same(speeds(rows, 'full-throttle'), await driven([3000, 3001], 3))
  t.not(speeds(rows, 'untrained')[0], speeds(rows, 'untrained')[1], 'every episode has a start of its own')
  t.notSame(speeds(rows, 'trained'), speeds(rows, 'untrained'), 'one epoch has changed the policies')
  t.same(await evaluated({}), rows, 'the same job finds the same')
  const still = await evaluated({ config: { ...study.config, learningRate: 0 } })
  t.same(speeds(still, 'trained'), speeds(still, 'untrained'), 'where nothing is learned the policies are equal')
  t.same(speeds(still, 'untrained'), speeds(rows, 'untrained'))
})

t.test('without an evaluation nothing is driven, and the job is another one', async (t) => {
  const { evaluation: _, ...plain } = study
  const [job, other] = [expandStudy(plain)[0]!, expandStudy(study)[0]!]
  t.notOk('evaluation' in (await runStudyJob(job, { attachAggregator() {} })))
  t.not(jobHash(job), jobHash(other))
})

t.test('the same policies drive the same starts on SUMO', { timeout: 120_000 }, async (t) => {
  if (!requireTool(t, 'sumo')) return
  const rows = await evaluated({ evaluation: { episodes: 1, startJitter: 2, sims: ['embedded', 'sumo'] } })
  for (const driver of ['drivers', 'full-throttle', 'untrained', 'trained'] as const) {
    const [embedded = 0, sumo = 1] = [speeds(rows, driver)[0], speeds(rows, driver, 'sumo')[0]]
    t.ok(Math.abs(embedded / sumo - 1) < 1e-3, `${driver}: ${embedded} and ${sumo} m/s`)
  }
})

t.test('the report: speeds, times the drivers, gain kept, by hand', async (t) => {
  const row = (sim: 'embedded' | 'sumo', untrained: number, trained: number, collisions: number): Evaluation => {
    const of = (drivenBy: Evaluation[number]['drivenBy'], speed: number, crashes = 0) => ({
      ...{ sim, drivenBy, meanSpeed: [speed - 1, speed + 1], worstLearner: [1, 3], collisions: [0, crashes] },
    })
    return [of('drivers', 5), of('full-throttle', 4), of('untrained', untrained), of('trained', trained, collisions)]
  }
  const evaluation = { episodes: 2, startJitter: 2, sims: ['embedded', 'sumo'] as ('embedded' | 'sumo')[] }
  const results = {
    study: { ...study, evaluation, seeds: [1, 2] },
    jobs: [
      jobResult({
        label: 'alone',
        seed: 1,
        meanSpeed: [5],
        parts: { evaluation: [...row('embedded', 5, 7, 1), ...row('sumo', 5, 6, 2)] },
      }),
      jobResult({
        label: 'alone',
        seed: 2,
        meanSpeed: [5],
        parts: { evaluation: [...row('embedded', 5, 9, 0), ...row('sumo', 5, 9, 3)] },
      }),
    ],
    lines: [],
    software: {},
  }
  const analysis = analyse(results)
  t.match(analysis.evaluations, [
    {
      sim: 'embedded',
      trained: { mean: 8, count: 2 },
      timesDrivers: { mean: 1.6 },
      worstLearner: { mean: 2 },
      gainKept: null,
    },
    {
      sim: 'sumo',
      trained: { mean: 7.5 },
      fullThrottle: { mean: 4 },
      collisions: { trained: 5, drivers: 0 },
      gainKept: { mean: 0.75 },
    },
  ])
  t.match(summaryText(analysis), /alone +sumo +5\.00 +4\.00 +5\.00 +7\.50 ± .* 1\.500 .* 5 \/ 0 +75 %/)
  t.match(reportHtml(analysis), /Policies alone: neither learning nor exploration/)
})
