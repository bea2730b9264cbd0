import type { SolitaryMethod } from './method.ts'

/** DRL: independent learners (Tan 1993), the letter's IRL. Considers nobody. */
export const independent: SolitaryMethod = { name: 'independent', source: 'none' }
