import type { AggregateMethod } from './method.ts'
import { mixUnconditionally } from './unconditional.ts'

/**
 * DRL-Ave: takes the average of all (its own policy included) from the central server, α = 1: naive federated averaging
 * (McMahan et al. 2017, arXiv:1602.05629; the letter's section IV).
 */
export const average: AggregateMethod = {
  name: 'average',
  source: 'aggregate',
  consider: (input) => mixUnconditionally('average', 1, input),
}
