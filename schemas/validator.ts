import type { ErrorObject, ValidateFunction } from 'ajv'
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { compile } from './compile.ts'

/** Outcome of validation: the value with its type, or the reason of refusal with rule and value found. */
export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: 'malformed' | 'unsupported-version'; readonly detail: string }

/** Checks a value against `schema`; never throws. */
export interface Validator<T> {
  (value: unknown): Validated<T>
  readonly schema: object
}

/** Format version of every JSON message and document; another one is refused as `unsupported-version`. */
export const formatVersion = 1

/** Makes the validator of a schema; compiled at the first use, since compiling costs a board's start-up time. */
export function validatorOf<const S extends JSONSchema>(schema: S): Validator<FromSchema<S>> {
  let compiled: ValidateFunction | undefined
  const validate = (value: unknown): Validated<FromSchema<S>> => {
    compiled ??= compile(schema as object)
    if (compiled(value)) return { ok: true, value: value as FromSchema<S> }
    const version = (value as { version?: unknown } | null)?.version
    if (typeof version === 'number' && version !== formatVersion)
      return { ok: false, reason: 'unsupported-version', detail: `version must be ${formatVersion}, got ${version}` }
    return { ok: false, reason: 'malformed', detail: describe(compiled.errors?.[0], value) }
  }
  return Object.assign(validate, { schema: schema as object })
}

/** One sentence: path, rule and value found. */
export function describe(error: ErrorObject | undefined, root: unknown): string {
  if (!error) return 'does not match its schema'
  const path = error.instancePath || '/'
  if (error.keyword === 'additionalProperties')
    return `${path}: unknown key ${JSON.stringify((error.params as { additionalProperty: string }).additionalProperty)}`
  const found = error.instancePath
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/')], root)
  const allowed =
    error.keyword === 'enum'
      ? ` (${(error.params as { allowedValues: unknown[] }).allowedValues.map((v) => JSON.stringify(v)).join(', ')})`
      : ''
  const shown = JSON.stringify(found) ?? 'nothing'
  return `${path} ${error.message ?? 'is invalid'}${allowed}, got ${shown.length > 80 ? `${shown.slice(0, 77)}…` : shown}`
}
