import type { Act } from '../schemas/lock-step.ts'

/** Progress of a run, for views. */
export type BridgeEvent =
  | { readonly kind: 'baseline'; readonly nas: number; readonly meanSpeed: number }
  | { readonly kind: 'intervals'; readonly intervalS: Readonly<Record<string, number>> }
  | { readonly kind: 'epoch'; readonly epoch: number; readonly nas: number; readonly meanSpeed: number }
  | { readonly kind: 'answer'; readonly vehicle: string; readonly answer: Act }
  | { readonly kind: 'presence'; readonly vehicle: string; readonly state: 'live' | 'offline' }
  | { readonly kind: 'note'; readonly text: string }
