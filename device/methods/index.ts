import type { MethodName, methodSources } from '../../schemas/config-methods.ts'
import { average } from './average.ts'
import { averageGated } from './average-gated.ts'
import { certifiedMixing } from './certified.ts'
import { coin } from './coin.ts'
import { fixed } from './fixed.ts'
import { fltrust } from './fltrust.ts'
import { gated } from './gated.ts'
import { independent } from './independent.ts'
import { krum } from './krum.ts'
import { median } from './median.ts'
import type { Method } from './method.ts'
import { reversed } from './reversed.ts'
import { trimmedMean } from './trimmed-mean.ts'

/** Each name's method is of the kind that `methodSources` promises to those who may not import methods. */
type Methods = { readonly [N in MethodName]: Extract<Method, { source: (typeof methodSources)[N] }> }

/** The collaboration methods by the name they have in the configuration. */
export const methods: Methods = {
  gated,
  independent,
  average,
  fixed,
  'average-gated': averageGated,
  coin,
  reversed,
  median,
  'trimmed-mean': trimmedMean,
  krum,
  fltrust,
  certified: certifiedMixing,
}

export { observedMethod } from './observed.ts'
