import type { Reason } from '../../../../schemas/reason.ts'
import type { VerdictMessage } from '../../../../schemas/verdict.ts'
import type { FleetState, Pair, Vehicle } from '../../../fleet.ts'
import { fixed, percent, significant, unknown, whole } from './format.ts'
import { reasonWords } from './words.ts'

/** One figure of a verdict's evidence. */
export interface Evidence {
  readonly symbol: string
  readonly name: string
  readonly text: string
}

/** What a verdict says, in one sentence. */
export function sentenceOf({ vehicle, peerId, accepted, alpha, reason }: VerdictMessage): string {
  const peer = peerId ?? 'somebody'
  if (!accepted) return `${vehicle} did not take the policy of ${peer}. ${reasonWords[reason].long}`
  const taken = typeof alpha === 'number' ? `${vehicle} mixed in ${percent(alpha, 1)} of ` : `${vehicle} used `
  return `${taken}the policy of ${peer}. ${reasonWords[reason].long}`
}

/** The figures that a verdict rests on; a dash where something was not computed. */
export function evidenceOf(verdict: VerdictMessage): Evidence[] {
  const { policyAdvantage, policyAdvantageMean, standardError, lowerBound } = verdict
  const error =
    typeof policyAdvantageMean === 'number' && typeof standardError === 'number'
      ? `${significant(policyAdvantageMean)} ± ${significant(standardError, 2)}`
      : significant(policyAdvantageMean)
  return [
    { symbol: 'A', name: "advantage of the peer's policy", text: significant(policyAdvantage) },
    { symbol: 'Ā ± SE', name: 'mean, standard error', text: error },
    { symbol: 'L', name: 'lower bound of A', text: significant(lowerBound) },
    { symbol: 'n eff', name: 'effective sample size', text: fixed(verdict.effectiveSampleSize, 1) },
    { symbol: 'M, K', name: 'samples and states looked at', text: `${whole(verdict.M)}, ${whole(verdict.K)}` },
    { symbol: 'ε', name: 'largest advantage of a sample', text: significant(verdict.epsilon) },
    { symbol: 'γ', name: 'discount', text: significant(verdict.gamma, 4) },
    { symbol: 'C', name: 'constant of the bound, 2εγ/(1 − γ)²', text: significant(verdict.c) },
    { symbol: 'q', name: 'Fisher form of the difference', text: significant(verdict.fisher) },
    { symbol: 'α max', name: 'what the bound allows', text: significant(verdict.alphaBound) },
    { symbol: 'α', name: 'share that was mixed in', text: significant(verdict.alpha) },
    { symbol: 'KL', name: 'divergence of own and mixed policy', text: significant(verdict.kl) },
  ]
}

/** A ± standard error in one cell of a table. */
export function advantageText({ policyAdvantageMean, standardError }: VerdictMessage): string {
  if (typeof policyAdvantageMean !== 'number') return unknown
  const error = typeof standardError === 'number' ? ` ± ${significant(standardError, 2)}` : ''
  return `${significant(policyAdvantageMean)}${error}`
}

export interface HeardVerdict {
  readonly atMs: number
  readonly message: VerdictMessage
}

/** The newest verdicts of `own`, of `own` about `peer` where that is given, or of all; newest first. */
export function newestVerdicts(state: FleetState, own?: string, peer?: string, limit = 100): HeardVerdict[] {
  const found: HeardVerdict[] = []
  for (let back = 1; back <= state.verdicts.length && found.length < limit; back++) {
    const verdict = state.verdicts.at(-back)
    if (!verdict) break
    const { vehicle, peerId } = verdict.message
    if ((own === undefined || vehicle === own) && (peer === undefined || peerId === peer)) found.push(verdict)
  }
  return found
}

/** How often each reason was given, the most frequent first, acceptance apart. */
export interface ReasonCounts {
  readonly accepted: number
  readonly rejected: readonly { readonly reason: Reason; readonly count: number }[]
  readonly total: number
}

export function reasonCounts(vehicles: Iterable<Vehicle>): ReasonCounts {
  const counts = new Map<Reason, number>()
  let accepted = 0
  let total = 0
  for (const vehicle of vehicles) {
    accepted += vehicle.accepted
    total += vehicle.accepted
    for (const [reason, count] of vehicle.rejected) {
      counts.set(reason, (counts.get(reason) ?? 0) + count)
      total += count
    }
  }
  const rejected = [...counts].map(([reason, count]) => ({ reason, count }))
  rejected.sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1))
  return { accepted, rejected, total }
}

/** Share of a pair's verdicts that accepted. */
export function acceptedShare({ accepted, rejected }: Pick<Pair, 'accepted' | 'rejected'>): number {
  return accepted / Math.max(1, accepted + rejected)
}

/** Everybody who judges or is judged, in order of their ids. */
export function matrixIds({ pairs }: FleetState): string[] {
  const ids = new Set<string>()
  for (const { own, peer } of pairs.values()) ids.add(own).add(peer)
  return [...ids].sort()
}
