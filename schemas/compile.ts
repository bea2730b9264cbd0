import { Ajv, type ValidateFunction } from 'ajv'

/** The one Ajv of the project: strict, discriminated unions, no coercion, custom annotations `unit` and `for`. */
export const ajvOptions = {
  allErrors: false,
  discriminator: true,
  strict: true,
  strictTypes: false,
  strictRequired: false,
} as const
export const annotations = [
  { keyword: 'unit', schemaType: 'string' },
  { keyword: 'for', schemaType: 'array' },
] as const

// That these are schemas is a matter of the tests: compiling the schema of schemas costs a board time at every start.
const ajv = new Ajv({ ...ajvOptions, meta: false, validateSchema: false })
for (const annotation of annotations) ajv.addKeyword(annotation)

/**
 * Makes the function that checks values against a schema. In a file of its own, because a browser page that may not make code
 * from text has functions made beforehand in its place.
 */
export function compile(schema: object): ValidateFunction {
  return ajv.compile(schema)
}
