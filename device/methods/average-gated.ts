import { considerGated } from './gated.ts'
import type { AggregateMethod } from './method.ts'

/**
 * DRL-Ave-PA: the gate of Theorem 1 against the average of all, which comes from the aggregator as in `average` (Xu, Li, Zhao,
 * IEEE Communications Letters 26(4), 2022, section IV).
 */
export const averageGated: AggregateMethod = {
  name: 'average-gated',
  source: 'aggregate',
  consider: (input) => considerGated(input),
}
