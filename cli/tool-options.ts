import { ExitError } from '../schemas/exit.ts'
import { type FlagKinds, parseFlags } from './flags.ts'

/** One option of a tool that works on files. */
export interface ToolOption {
  readonly kind: 'text' | 'number' | 'choice' | 'flag'
  readonly description: string
  /** What stands for the value in the help; FILE or N unless given. */
  readonly placeholder?: string
  readonly default?: string | number
  readonly unit?: string
  readonly required?: boolean
  readonly choices?: readonly string[]
  /** Bounds of a number, inclusive unless `exclusive`. */
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMaximum?: number
  /** Whole numbers only. */
  readonly integer?: true
}

type Values<S extends Record<string, ToolOption>> = {
  readonly [K in keyof S]: S[K]['kind'] extends 'number'
    ? S[K] extends { required: true } | { default: number }
      ? number
      : number | undefined
    : S[K]['kind'] extends 'flag'
      ? boolean
      : S[K] extends { required: true } | { default: string }
        ? string
        : string | undefined
}

/** Reads a tool's options; ExitError 2 names the flag, the rule and the value found. */
export function readToolOptions<const S extends Record<string, ToolOption>>(
  command: string,
  spec: S,
  args: readonly string[],
): Values<S> {
  return parseToolOptions(spec, parseFlags(command, toolFlags(spec), args))
}

/** What each option of a tool takes. */
export function toolFlags(spec: Record<string, ToolOption>): FlagKinds {
  return Object.fromEntries(
    Object.entries(spec).map(([name, { kind }]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' } as const]),
  )
}

/** A tool's options from flags as text; ExitError 2 as `readToolOptions`. */
export function parseToolOptions<const S extends Record<string, ToolOption>>(
  spec: S,
  given: Readonly<Record<string, string | boolean | undefined>>,
): Values<S> {
  const values = Object.entries(spec).map(([name, option]) => [name, parseValue(name, option, given[name])])
  return Object.fromEntries(values) as Values<S>
}

/** The help lines of a tool's options. */
export function describeToolOptions(spec: Record<string, ToolOption>): string {
  return Object.entries(spec)
    .map(([name, option]) => {
      const kind =
        option.placeholder ??
        option.choices?.join('|') ??
        { text: 'FILE', number: 'N', choice: '', flag: '' }[option.kind]
      const left = `  --${name}${kind ? ` ${kind}` : ''}`
      const fallback = option.required
        ? ' (required)'
        : option.default === undefined
          ? ''
          : ` (default ${option.default}${option.unit ? ` ${option.unit}` : ''})`
      return `${left.length > 30 ? `${left}\n${' '.repeat(32)}` : left.padEnd(32)}${option.description}${fallback}`
    })
    .join('\n')
}

function parseValue(name: string, option: ToolOption, given: string | boolean | undefined): unknown {
  if (given === undefined) {
    if (option.required) throw new ExitError('usage', `--${name} is needed, got nothing`)
    return option.kind === 'flag' ? false : option.default
  }
  if (option.kind === 'choice' && !option.choices?.includes(String(given)))
    throw new ExitError('usage', `--${name} must be one of ${option.choices?.join(', ')}, got ${given}`)
  if (option.kind !== 'number') return given
  const value = Number(given)
  const { minimum = -Infinity, maximum = Infinity, exclusiveMaximum = Infinity } = option
  if (String(given).trim() === '' || !Number.isFinite(value))
    throw new ExitError('usage', `--${name} must be a number, got ${given}`)
  if (option.integer && !Number.isInteger(value))
    throw new ExitError('usage', `--${name} must be a whole number, got ${given}`)
  if (value < minimum) throw new ExitError('usage', `--${name} must be at least ${minimum}, got ${given}`)
  if (value > maximum) throw new ExitError('usage', `--${name} must be at most ${maximum}, got ${given}`)
  if (value >= exclusiveMaximum)
    throw new ExitError('usage', `--${name} must be below ${exclusiveMaximum}, got ${given}`)
  return value
}
