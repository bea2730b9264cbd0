import { asyncapiOf } from './asyncapi.ts'
import { quantitiesOf, unitsOf, vspecOf } from './vss.ts'

/** The documents made from `schemas/` that are kept in the repository: path to text. */
export function contractFiles(version: string) {
  return {
    'docs/asyncapi.json': `${JSON.stringify(asyncapiOf(version), null, 2)}\n`,
    'docs/vss/trustmix.vspec': vspecOf(),
    'docs/vss/units.yaml': unitsOf(),
    'docs/vss/quantities.yaml': quantitiesOf(),
  }
}
