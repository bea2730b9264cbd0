/** Our engines, the one that devices use first; one that cannot be loaded here is absent like any peer. */
export const engineNames = ['wasm', 'reference', 'tensorflow'] as const

export type EngineName = (typeof engineNames)[number]
