import { createRng } from '../../../device/core/rng.ts'
import { clopperPearson, type Proportion } from '../statistics/clopper-pearson.ts'
import { evaluate } from './evaluation.ts'
import { drawMdp, gammas } from './mdp.ts'
import { drawPair, type Mix, type Pair, type PeerKind, peerKinds } from './pair.ts'
import { proofSteps, tolerance } from './proof-steps.ts'
import { readings } from './readings.ts'
import { drawSamples, sampledReadings } from './sampled-readings.ts'
import { createShares, createTally, type ReadingFigures, type Tally } from './tally.ts'

export interface TheoremCheckOptions {
  /** Pairs of policies, each in a decision process of its own. */
  readonly mdps: number
  readonly seed: number
  /** On-policy samples per pair for the sampled readings. */
  readonly samples?: number
}

export interface TheoremCheck {
  readonly mdps: number
  readonly seed: number
  readonly samples: number
  /** Largest |η(π_new) − η(π) − Σ d_new Σ π_new A| / η(π_new) over all pairs, α = 1: the identity (8). */
  readonly lemmaError: number
  /** Pairs where some α in (0, 1] raises η, and the mean of (1 − γ) times the largest rise over all pairs. */
  readonly improvable: Proportion
  readonly possibleGain: number
  readonly exact: readonly NamedFigures[]
  readonly sampled: readonly NamedFigures[]
  /** `theorem1`, `strict` and `certified, max KL` on exact evidence, by where the peer comes from and by γ. */
  readonly byPeer: readonly (NamedFigures & { readonly peer: PeerKind })[]
  readonly byGamma: readonly (NamedFigures & { readonly gamma: number })[]
  readonly steps: readonly StepFigures[]
}

export interface NamedFigures extends ReadingFigures {
  readonly reading: string
}

export interface StepFigures {
  readonly id: string
  readonly statement: string
  /** Failures among the pairs where the step's premises hold. */
  readonly failed: Proportion
}

const broken = ['theorem1', 'strict', 'certified, max KL'] as const

/** Tries every reading of the bound and every step of its proof on pairs of tabular policies whose returns are known exactly. */
export function runTheoremCheck({ mdps, seed, samples = 50 }: TheoremCheckOptions): TheoremCheck {
  const exact = tallies(Object.keys(readings))
  const sampled = tallies(Object.keys(sampledReadings))
  const byPeer = peerKinds.map((peer) => ({ peer, of: tallies(broken) }))
  const byGamma = gammas.map((gamma) => ({ gamma, of: tallies(broken) }))
  const steps = proofSteps.map((step) => ({ step, shares: createShares() }))
  const improvable = createShares()
  let [possibleSum, lemmaError] = [0, 0]

  for (let i = 0; i < mdps; i++) {
    const mdp = drawMdp(createRng(seed, 'theorem', i, 'mdp'))
    const pair = drawPair(mdp, peerKinds[i % peerKinds.length] ?? 'random', createRng(seed, 'theorem', i, 'pair'))
    lemmaError = Math.max(lemmaError, lemmaErrorOf(pair))
    const possible = possibleGain(pair)
    possibleSum += possible
    improvable.count(possible > tolerance)

    const chance = createRng(seed, 'theorem', i, 'chance')
    for (const [name, reading] of Object.entries(readings)) {
      const outcome = outcomeOf(pair, reading(pair, chance))
      exact.get(name)?.count(outcome, possible)
      byPeer
        .find(({ peer }) => peer === pair.kind)
        ?.of.get(name)
        ?.count(outcome, possible)
      byGamma
        .find(({ gamma }) => gamma === mdp.gamma)
        ?.of.get(name)
        ?.count(outcome, possible)
    }
    const drawn = drawSamples(pair, samples, createRng(seed, 'theorem', i, 'samples'))
    for (const [name, reading] of Object.entries(sampledReadings))
      sampled.get(name)?.count(outcomeOf(pair, reading(pair, drawn)), possible)
    for (const { step, shares } of steps) {
      const holds = step.holds(pair, createRng(seed, 'theorem', i, step.id))
      if (holds !== undefined) shares.count(!holds)
    }
  }

  return {
    mdps,
    seed,
    samples,
    lemmaError,
    improvable: clopperPearson(improvable.yes, improvable.of),
    possibleGain: possibleSum / mdps,
    exact: named(exact),
    sampled: named(sampled),
    byPeer: byPeer.flatMap(({ peer, of }) => named(of).map((figures) => ({ peer, ...figures }))),
    byGamma: byGamma.flatMap(({ gamma, of }) => named(of).map((figures) => ({ gamma, ...figures }))),
    steps: steps.map(({ step: { id, statement }, shares }) => ({
      id,
      statement,
      failed: clopperPearson(shares.yes, shares.of),
    })),
  }
}

function tallies(names: readonly string[]): Map<string, Tally> {
  return new Map(names.map((name) => [name, createTally()]))
}

function named(tallies: ReadonlyMap<string, Tally>): NamedFigures[] {
  return [...tallies].map(([reading, tally]) => ({ reading, ...tally.figures() }))
}

function outcomeOf({ mdp }: Pair, mix: Mix | undefined) {
  if (!mix) return undefined
  const rise = mix.rise()
  return { alpha: mix.alpha, gain: (1 - mdp.gamma) * rise, fell: !(rise >= -tolerance) }
}

/** (1 − γ) times the largest rise over 30 values of α: 0.05, 0.1, … 1 and ten smaller ones, each half of the last. */
function possibleGain(pair: Pair): number {
  let most = 0
  for (let k = 1; k <= 20; k++) most = Math.max(most, pair.mix(k / 20).rise())
  for (let k = 1, alpha = 0.025; k <= 10; k++, alpha /= 2) most = Math.max(most, pair.mix(alpha).rise())
  return (1 - pair.mdp.gamma) * most
}

function lemmaErrorOf(pair: Pair): number {
  const whole = pair.mix(1)
  const { worth } = evaluate(pair.mdp, whole.policy)
  return Math.abs(worth - pair.own.worth - whole.rise()) / worth
}
