import { telemetrySchema } from '../../schemas/telemetry.ts'

/** What is read of a property of the telemetry. */
interface Property {
  readonly const?: unknown
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly unit?: string
  readonly description?: string
}

const branch = 'Vehicle.Private.Trustmix.'

/** Units that VSS defines and a vehicle of ours could have. */
const vssUnits = 'km/h m/s m/s^2 m km s ms min h celsius percent ratio V A W Hz dBm unix-time iso8601'.split(' ')

/** What VSS has no unit for: symbol, what it measures, its name. */
const ownUnits: Readonly<Record<string, readonly [definition: string, name: string]>> = {
  MiB: ['Memory measured in mebibytes, 1024 times 1024 bytes', 'mebibyte'],
}

/** Of those units, too. */
const ownQuantity = 'storage-size'

const head = '# Made from schemas/telemetry.ts by `npm run docs:asyncapi`; see docs/protocol.md.\n'

/**
 * The telemetry as overlay of the COVESA Vehicle Signal Specification: what stands under `Vehicle.Private.Trustmix`, with the
 * branches above it, which VSS does not have. Throws where a property breaks a rule of VSS: a name in camel case from a
 * capital, a description, and a unit or the type of a count.
 */
export function vspecOf(properties: Readonly<Record<string, Property>> = telemetrySchema.properties): string {
  const signals = Object.entries(properties).filter(([name]) => name !== 'version')
  for (const signal of signals) check(...signal)
  const own = signals.filter(([name]) => name !== 'Vehicle.Speed')
  return [
    head,
    node('Vehicle.Private', 'branch', 'Signals that VSS does not know.'),
    node(branch.slice(0, -1), 'branch', 'How a vehicle learns, and what its unit takes for it.'),
    ...own.map(([name, property]) => signalOf(name, property)),
  ].join('\n')
}

/** The file for `vspec --quantities`, beside the one of VSS. */
export function quantitiesOf(): string {
  return `${head}\n${ownQuantity}:\n  definition: Amount of data that a memory holds (IEC 80000-13)\n`
}

/** The file for `vspec --units`, beside the one of VSS. */
export function unitsOf(): string {
  const entries = Object.entries(ownUnits).map(
    ([symbol, [definition, name]]) =>
      `${symbol}:\n  definition: ${definition}\n  unit: ${name}\n  quantity: ${ownQuantity}\n  allowed-datatypes: ['numeric']\n`,
  )
  return [head, ...entries].join('\n')
}

function check(name: string, property: Property): void {
  if (name !== 'Vehicle.Speed' && !name.startsWith(branch))
    throw new Error(`a signal must be Vehicle.Speed or stand under ${branch}, got ${name}`)
  if (!name.split('.').every((word) => /^[A-Z][A-Za-z0-9]*$/.test(word)))
    throw new Error(`a signal's name must be words of letters and digits that begin with a capital, got ${name}`)
  const { unit, type, minimum, description } = property
  if (!description) throw new Error(`a signal must have a description, got none for ${name}`)
  if (unit !== undefined && !vssUnits.includes(unit) && !Object.hasOwn(ownUnits, unit))
    throw new Error(`a unit must be one of VSS (${vssUnits.join(', ')}) or of our own, got ${unit} for ${name}`)
  const numeric = type === 'number' || type === 'integer'
  if (numeric && unit === undefined && !(type === 'integer' && minimum === 0))
    throw new Error(`a number must have a unit or be a count (an integer from 0), got neither for ${name}`)
}

function signalOf(name: string, property: Property): string {
  const { unit, description = '', enum: allowed } = property
  return [
    node(name, 'sensor', `${description[0]?.toUpperCase()}${description.slice(1)}.`),
    `  datatype: ${datatypeOf(name, property)}\n`,
    unit === undefined ? '' : `  unit: ${unit}\n`,
    allowed ? `  allowed: ${JSON.stringify(allowed)}\n` : '',
  ].join('')
}

function datatypeOf(name: string, { type, minimum, enum: allowed }: Property): string {
  if (type === 'integer') return minimum !== undefined && minimum >= 0 ? 'uint32' : 'int32'
  if (type === 'number') return 'float'
  if (type === 'boolean') return 'boolean'
  if (type === 'string' || allowed?.every((value) => typeof value === 'string')) return 'string'
  throw new Error(`a signal must be a number, a boolean or a text, got ${JSON.stringify(type)} for ${name}`)
}

function node(name: string, type: string, description: string): string {
  return `${name}:\n  type: ${type}\n  description: ${JSON.stringify(description)}\n`
}
