import { createRng } from '../../device/core/rng.ts'
import type { AttackKind, JobResult, StudyResults } from '../../schemas/study.ts'

export interface JobParts {
  readonly label: string
  readonly seed: number
  readonly meanSpeed: readonly number[]
  readonly attack?: { readonly kind: AttackKind; readonly attackers: number }
  readonly parts?: Partial<JobResult>
}

/** A job of two learners that found nothing but its speeds, and what `parts` says. */
export function jobResult({ label, seed, meanSpeed, attack, parts = {} }: JobParts): JobResult {
  const none = meanSpeed.map(() => 0)
  const square = () => [
    [0, 0],
    [0, 0],
  ]
  return {
    version: 1,
    id: `${label}${attack ? `@${attack.kind}-${attack.attackers}` : ''}-seed${seed}`,
    label,
    seed,
    attack: attack ?? null,
    jobHash: 'a'.repeat(64),
    vehicles: ['v1', 'v2'],
    attackers: [],
    intervalsS: [1, 2],
    samples: [20, 10],
    baseline: 5,
    epochs: {
      meanSpeed: [...meanSpeed],
      nas: [...meanSpeed].map((speed) => speed / 20),
      worstLearner: [...none],
      collisions: [...none],
      forcedBrakings: [...none],
    },
    considered: square(),
    referred: square(),
    accepted: square(),
    verdicts: {},
    mixes: [],
    divergence: [],
    policies: {},
    ...parts,
  }
}

const agents = 7

/** Made-up results of the size of a real study, every part filled; equal arguments give equal results. */
export function syntheticStudy(labels: readonly string[], seedCount: number, epochs: number): StudyResults {
  const seeds = Array.from({ length: seedCount }, (_, i) => i + 101)
  const attacks = [
    { kind: 'random' as const, attackers: 2 },
    { kind: 'nan' as const, attackers: 2 },
  ]
  return {
    study: {
      version: 1,
      name: 'synthetic',
      title: 'Made-up numbers, to look at the report',
      seeds,
      config: { setting: 'letter', epochs },
      methods: labels.map((label) => ({ label, config: {} })),
      attacks,
      lines: ['drivers', 'full-throttle', 'untrained', 'best'],
      references: labels.slice(0, 2),
    },
    jobs: labels.flatMap((label, method) =>
      seeds.flatMap((seed) => [null, ...attacks].map((attack) => synthesize(label, method, seed, epochs, attack))),
    ),
    lines: [
      { name: 'drivers', meanSpeed: 5.63, collisions: 0 },
      { name: 'full-throttle', meanSpeed: 5.7, collisions: 0 },
      { name: 'untrained', meanSpeed: 4.9, collisions: 0 },
      { name: 'best hand law', meanSpeed: 7.49, collisions: 1 },
    ],
    software: { trustmix: '0.0.0', engine: 'wasm', node: '20' },
  }
}

function synthesize(
  label: string,
  method: number,
  seed: number,
  epochs: number,
  attack: JobResult['attack'],
): JobResult {
  const rng = createRng(seed, 'synthetic')
  const noise = createRng(seed, 'synthetic', label, attack?.kind ?? 'clean')
  const shift = 0.2 * rng.normal()
  const loss = attack ? 1 + 0.4 * (method % 4) : 0
  const speeds = Array.from(
    { length: epochs },
    (_, epoch) =>
      6.1 +
      0.04 * method +
      shift -
      loss -
      (2.2 - 0.15 * method) * 0.97 ** ((200 * epoch) / epochs) +
      0.15 * noise.normal(),
  )
  const judges = method > 1
  const samples = Array.from({ length: agents }, (_, i) => 40 + 90 * i + noise.integer(30))
  const square = (value: (i: number, j: number) => number) =>
    samples.map((_, i) => samples.map((_, j) => (i === j || !judges ? 0 : value(i, j))))
  const considered = square(() => 6 * epochs)
  const referred = square((i) => Math.round(epochs * (1 + 0.5 * i + noise.uniform())))
  const mixes = Array.from({ length: judges ? 200 : 0 }, (_, i) => ({
    epoch: Math.floor((i * epochs) / 200),
    own: i % agents,
    peer: (i + 1) % agents,
    accepted: noise.uniform() < 0.3,
    alpha: noise.uniform() ** 3,
    advantage: noise.normal(),
    standardError: 0.5 + noise.uniform(),
    fisher: 1,
    kl: 0.01,
    M: 32,
  }))
  return jobResult({
    label,
    seed,
    meanSpeed: speeds,
    ...(attack ? { attack } : {}),
    parts: {
      vehicles: samples.map((_, i) => `v${i + 1}`),
      attackers: attack ? ['v1', 'v2'] : [],
      intervalsS: samples.map((found) => 150 / found),
      samples,
      baseline: 5.63,
      epochs: {
        meanSpeed: speeds,
        nas: speeds.map((speed) => speed / 20),
        worstLearner: speeds.map((speed) => speed - 1),
        collisions: speeds.map(() => (noise.uniform() < 0.001 ? 1 : 0)),
        forcedBrakings: speeds.map(() => noise.integer(6)),
      },
      considered,
      referred,
      accepted: referred.map((row) => row.map((value) => Math.floor(value / 3))),
      verdicts: judges ? { accepted: 300, 'no-advantage': 700 } : {},
      mixes,
      divergence: [0, 1, 2, 3, 4].map((part) => ({
        epoch: Math.floor((part * (epochs - 1)) / 4),
        kl: samples.map((_, i) =>
          samples.map((_, j) => (i === j ? 0 : (0.2 + 0.1 * method) * (part + 0.2 + 0.1 * noise.uniform()))),
        ),
      })),
    },
  })
}
