export { sample } from './act'
export { adam, norm } from './adam'
export { demote, equal, finite, mix, pack, promote, subtract, unpack } from './flat'
export { generalizedAdvantage } from './gae'
export { gather, normalizeAdvantages, ppoLoss } from './loss'
export { forward, gradients, propagate, tangent, tangentByDeltas } from './network'

/** The first address behind the module's own data. */
export const heapBase: usize = __heap_base
