import type { Test } from 'tap'
import { actors } from './engine-actors.ts'
import {
  agreesWithReference,
  driftOfAnUpdate,
  gradientOfTheLoss,
  sameAdvantages,
  sameMixes,
} from './engine-agreement.ts'
import { extremes, memory, refusals } from './engine-limits.ts'
import type { Candidate } from './engine-samples.ts'
import { answersWithoutHistory, sessions } from './engine-sessions.ts'
import { goldenVectors } from './engine-vectors.ts'

const parts: readonly [string, (t: Test, candidate: Candidate) => void][] = [
  ['reproduces the golden vectors', goldenVectors],
  ['steps along the gradient of the loss that it reports', gradientOfTheLoss],
  ['updates in sessions', sessions],
  ['answers without regard to what was asked before', answersWithoutHistory],
  ['acts', actors],
  ['refuses what is not finite', refusals],
  ['stands extreme inputs', extremes],
  ['keeps its memory', memory],
]

const besideReference: typeof parts = [
  ['agrees with the reference for random shapes', agreesWithReference],
  ['stays beside float64 over an update', driftOfAnUpdate],
  ['has the reference’s bits of GAE', sameAdvantages],
  ['has the bits of the mixing rule', sameMixes],
]

/** What every engine must do, whatever it computes with. */
export function engineConformance(t: Test, candidate: Candidate): void {
  const asked = candidate.name === 'reference' ? parts : [...parts, ...besideReference]
  for (const [name, part] of asked) t.test(`${candidate.name} ${name}`, async (t) => part(t, candidate))
}
