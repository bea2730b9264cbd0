import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Ajv, Options, ValidateFunction } from 'ajv'

/** Name of the file of a schema's function: whatever changes in the schema changes it. */
export function compiledFile(schema: object): string {
  return `${createHash('sha256').update(JSON.stringify(schema)).digest('hex').slice(0, 32)}.cjs`
}

/**
 * The function that checks values against a schema. Those of the project's own schemas are made when it is built, so that a
 * device neither loads Ajv nor compiles at its start; of any other, Ajv makes it here.
 * In a file of its own, because a browser page has functions that are bundled with it in its place.
 */
export function compile(schema: object): ValidateFunction {
  const file = fileURLToPath(new URL(`./compiled/${compiledFile(schema)}`, import.meta.url))
  return existsSync(file) ? require(file) : createAjv().compile(schema)
}

const require = createRequire(import.meta.url)

/** An Ajv as every schema is compiled by: strict, discriminated unions, no coercion, custom annotations `unit` and `for`. */
export function createAjv(code: NonNullable<Options['code']> = {}): Ajv {
  const { Ajv: Compiler } = require('ajv') as typeof import('ajv')
  const ajv = new Compiler({
    allErrors: false,
    discriminator: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    code,
  })
  ajv.addKeyword({ keyword: 'unit', schemaType: 'string' })
  ajv.addKeyword({ keyword: 'for', schemaType: 'array' })
  return ajv
}
