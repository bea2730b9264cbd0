import type { Config } from '../../schemas/config.ts'
import { average } from './average.ts'
import { certifiedMixing } from './certified.ts'
import { fixed } from './fixed.ts'
import { gated } from './gated.ts'
import { independent } from './independent.ts'
import type { Method } from './method.ts'

/** The collaboration methods by the name they have in the configuration. */
export const methods: Readonly<Record<Config['method'], Method>> = {
  gated,
  independent,
  average,
  fixed,
  certified: certifiedMixing,
}
