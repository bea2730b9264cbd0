import { readFileSync } from 'node:fs'
import {
  type Config,
  type ConfigKey,
  configKeys,
  configSchema,
  defaultConfig,
  type PartialConfig,
  validateConfig,
} from '../schemas/config.ts'
import { ExitError } from '../schemas/exit.ts'
import { type FlagKinds, parseFlags } from './flags.ts'

export interface Options {
  readonly config: Config
  readonly json: boolean
  readonly help: boolean
  /** Keys that a file, the environment or a flag has set. */
  readonly given: ReadonlySet<string>
  /** All flags as text, those of `extra` among them. */
  readonly extra: Readonly<Record<string, string | boolean | undefined>>
}

/**
 * Configuration of one command: defaults, then the file of `--config`, then `TRUSTMIX_…` in the environment, then flags.
 * `extra` are flags that are no configuration.
 * Throws ExitError 2 naming source, path, rule and value found.
 */
export function readOptions(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  extra: FlagKinds = {},
): Options {
  const keys = configKeys(command)
  const values = parsed(command, keys, args, extra)
  const file = typeof values.config === 'string' ? readFile(values.config) : {}
  const fromEnvironment = readEnvironment(environment)
  const fromFlags: PartialConfig = {}
  for (const key of keys) {
    const value = values[flagOf(key)]
    if (value !== undefined) assign(fromFlags, key, value === true ? true : convert(key, String(value)))
  }
  check('command line', fromFlags)
  return {
    config: { ...defaultConfig, ...file, ...fromEnvironment, ...fromFlags } as Config,
    json: values.json === true,
    help: values.help === true,
    given: new Set([...Object.keys(file), ...Object.keys(fromEnvironment), ...Object.keys(fromFlags)]),
    extra: values,
  }
}

/** The help lines of a command's configuration. */
export function describeOptions(command: string): string {
  const rows = configKeys(command).map((key) => {
    const property = propertyOf(key)
    const kind = property.enum ? property.enum.filter((choice) => choice !== null).join('|') : placeholder(property)
    const unit = property.unit ? ` ${property.unit}` : ''
    const fallback = defaultConfig[key] === null ? '' : ` (default ${String(defaultConfig[key])}${unit})`
    return [`  --${flagOf(key)}${kind ? ` ${kind}` : ''}`, `${property.description}${fallback}`] as const
  })
  rows.push(
    ['  --config FILE', 'configuration file (JSON; the keys are the flags in camelCase)'],
    ['  --json', 'print one JSON object on stdout; progress goes to stderr'],
    ['  --help', 'this text'],
  )
  return rows
    .map(([left, right]) => (left.length > 30 ? `${left}\n${' '.repeat(32)}${right}` : `${left.padEnd(32)}${right}`))
    .join('\n')
}

/** `learningRate` → `learning-rate`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** One key of the configuration as `key=value`, in its type; ExitError 2 for what is no key, or breaks its rule. */
export function parseSetting(text: string): PartialConfig {
  const at = text.indexOf('=')
  const key = text.slice(0, Math.max(0, at))
  if (at < 1 || !Object.hasOwn(configSchema.properties, key) || key === 'version')
    throw new ExitError('usage', `--set must be key=value with a key of the configuration, got ${text}`)
  return check('--set', { [key]: convert(key as ConfigKey, text.slice(at + 1)) })
}

interface Property {
  readonly description: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly (string | number | null)[]
  readonly unit?: string
  readonly for: readonly string[]
}

function propertyOf(key: ConfigKey): Property {
  return configSchema.properties[key] as unknown as Property
}

function placeholder({ type }: Property): string {
  const types = typeof type === 'string' ? [type] : (type ?? [])
  if (types.includes('boolean')) return ''
  return types.includes('integer') || types.includes('number') ? 'N' : types.includes('array') ? 'N,N' : 'TEXT'
}

function parsed(command: string, keys: readonly ConfigKey[], args: readonly string[], extra: FlagKinds) {
  const options: Record<string, { type: 'string' | 'boolean' }> = {
    ...extra,
    config: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  }
  for (const key of keys) options[flagOf(key)] = { type: propertyOf(key).type === 'boolean' ? 'boolean' : 'string' }
  return parseFlags(command, options, args)
}

function readFile(path: string): PartialConfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', `configuration file must be readable: ${(error as Error).message}`)
  }
  try {
    return check(path, JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) throw new ExitError('usage', `${path} must be JSON: ${error.message}`)
    throw error
  }
}

/** These belong to `trustmix provision` and to the tests. */
const foreignVariables = new Set([
  'TRUSTMIX_PASSPHRASE',
  'TRUSTMIX_IMAGE',
  'TRUSTMIX_REQUIRE',
  'TRUSTMIX_PYTHON',
  'TRUSTMIX_ARM64_NODE',
  'TRUSTMIX_BENCH_MODULES',
  'TRUSTMIX_FIDELITY_RUNS',
])

function readEnvironment(environment: NodeJS.ProcessEnv): PartialConfig {
  const config: PartialConfig = {}
  const known = new Map(
    Object.keys(configSchema.properties).map((key) => [
      `TRUSTMIX_${flagOf(key).replaceAll('-', '_').toUpperCase()}`,
      key,
    ]),
  )
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('TRUSTMIX_') || foreignVariables.has(variable) || value === undefined) continue
    const key = known.get(variable)
    if (key === undefined) throw new ExitError('usage', `environment: unknown key ${variable}`)
    assign(config, key as ConfigKey, convert(key as ConfigKey, value))
  }
  return check('environment', config)
}

function check(source: string, value: unknown): PartialConfig {
  const validated = validateConfig(value)
  if (validated.ok) return validated.value
  throw new ExitError('usage', `${source}: ${validated.detail}`)
}

/** Text from flags and environment in the type that the schema wants; what does not convert is left for the schema to refuse. */
function convert(key: ConfigKey, text: string): unknown {
  const { type, enum: choices = [] } = propertyOf(key)
  const types = typeof type === 'string' ? [type] : (type ?? [])
  if (types.includes('null') && text === 'null') return null
  if (types.includes('array')) return text.split(',').map(numberOrText)
  if (types.includes('boolean')) return text === 'true' ? true : text === 'false' ? false : text
  const isNumber = types.includes('integer') || types.includes('number') || typeof choices[0] === 'number'
  return isNumber ? numberOrText(text) : text
}

function numberOrText(text: string): number | string {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

function assign(config: PartialConfig, key: ConfigKey, value: unknown): void {
  ;(config as Record<string, unknown>)[key] = value
}
