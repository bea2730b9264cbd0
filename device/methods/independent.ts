import type { Method } from './method.ts'

/** DRL: independent learners (Tan 1993), the letter's IRL. Considers nobody. */
export const independent: Method = {
  name: 'independent',
  source: 'none',
  consider() {
    throw new Error('an independent learner considers no other policy')
  },
}
