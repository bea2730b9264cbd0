import type { Method, OnConsidered } from './method.ts'

/** The method with someone who looks on, if any; one that judges no single policy stays as it is. */
export function observedMethod(method: Method, onConsidered: OnConsidered | undefined): Method {
  if (!onConsidered || method.source === 'none' || method.source === 'round') return method
  return {
    ...method,
    consider(input) {
      const decision = method.consider(input)
      onConsidered(input, decision)
      return decision
    },
  }
}
