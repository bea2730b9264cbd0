import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { count, finite, hash, id, nullableNumber, text, version } from './common.ts'
import { reasons } from './reason.ts'
import { channels } from './topics.ts'
import { type Validator, validatorOf } from './validator.ts'

/** Bytes as base64; of numbers: float64, little-endian, in the order that docs/recorder.md gives. */
const base64 = { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$' } as const
/** JSON in which arrays of numbers are base64 and no number loses a bit (device/recorder/exact-json.ts). */
const exact = { type: 'object' } as const
const nullableText = { type: ['string', 'null'] } as const
const address = { type: 'object', additionalProperties: id } as const
const nullableObject = { type: ['object', 'null'] } as const
const handler = { ...count, description: 'which of the handlers, in the order in which the device named them' } as const
const policyHash = hash

/** What every record has: its place in the chain and its number. */
const envelope = {
  chain: { ...hash, description: 'SHA-256 over the chain before and this record with 64 zeros here' },
  record: { ...count, description: 'number of the record since the start of the device; lost ones count' },
} as const

function recordOf<const P extends Readonly<Record<string, JSONSchema>>, const R extends readonly (keyof P & string)[]>(
  description: string,
  properties: P,
  required: R,
) {
  const schema = {
    type: 'object',
    description,
    additionalProperties: false,
    required: ['chain', 'record', ...required],
    properties: { ...envelope, ...properties },
  } as const
  return schema
}

/** What comes from outside, with the device's time while it was dealt with. */
function inputOf<const P extends Readonly<Record<string, JSONSchema>>, const R extends readonly (keyof P & string)[]>(
  description: string,
  properties: P,
  required: R,
) {
  const timed = {
    ...properties,
    now: { ...finite, unit: 'ms' },
    learningStep: { ...count, description: 'only while learning is under way: its steps so far' },
  } as const
  return recordOf(description, timed, ['now', ...required] as const)
}

const closing = { observation: nullableObject, outcome: nullableObject, bits: base64 } as const
const closingKeys = ['observation', 'outcome', 'bits'] as const
const at = { epoch: count, step: count } as const

const fixed = {
  '/snapshot': recordOf(
    'everything that the device holds: what follows is computed from here',
    {
      version,
      vehicle: id,
      boot: count,
      software: { type: 'string', maxLength: 64 },
      engine: { type: 'string', maxLength: 64 },
      machine: { type: 'string', maxLength: 64 },
      time: { type: 'string', maxLength: 40 },
      preamble: { ...hash, description: 'SHA-256 of the file before its first message' },
      follows: { anyOf: [hash, { type: 'null' }], description: 'chain at the end of the file before' },
      now: { ...finite, unit: 'ms' },
      connected: { type: 'boolean' },
      connections: count,
      config: { type: 'object' },
      loaded: { type: 'array', items: { type: 'string' } },
      ports: { type: 'array', items: { type: 'string' }, description: 'what the device could ask beside bus and car' },
      state: exact,
    },
    [
      ...(['version', 'vehicle', 'boot', 'software', 'engine', 'machine', 'time', 'preamble', 'follows'] as const),
      ...(['now', 'connected', 'connections', 'config', 'loaded', 'ports', 'state'] as const),
    ] as const,
  ),
  '/gap': recordOf('records were lost before the snapshot', { lost: count, reason: text }, ['lost', 'reason']),
  '/in/reset': inputOf('an epoch starts', { start: { type: 'object' }, bits: base64 }, ['start', 'bits']),
  '/in/decide': inputOf('a decision is asked for', closing, closingKeys),
  '/in/learn': inputOf('learning is asked for', { ...at, ...closing }, ['epoch', 'step', ...closingKeys]),
  '/in/mix': inputOf(
    'the policies of a round may be considered',
    { ...at, policies: { type: 'object', additionalProperties: hash }, aggregate: { anyOf: [hash, { type: 'null' }] } },
    ['epoch', 'step', 'policies', 'aggregate'],
  ),
  '/in/end': inputOf('the run is over', {}, []),
  '/in/clock': inputOf('the state of the wall clock changed', {}, []),
  '/in/stop': inputOf('the device is asked to stop', {}, []),
  '/in/note': inputOf('trouble of the recorder, for the status', { text }, ['text']),
  '/in/message': inputOf(
    'a message came: as JSON, or as bytes',
    { handler, topic: { type: 'string' }, address, message: {}, bytes: base64 },
    ['handler', 'topic', 'address'],
  ),
  '/in/refused': inputOf(
    'a message was dropped on its way to the device',
    {
      handler,
      channel: { type: 'string' },
      address: { type: 'object' },
      reason: { enum: reasons },
      detail: { type: 'string' },
    },
    ['handler', 'channel', 'address', 'reason', 'detail'],
  ),
  '/in/connected': inputOf('a connection to the broker is ready', { handler }, ['handler']),
  '/in/link': inputOf('the connection to the broker changed', { connected: { type: 'boolean' }, connections: count }, [
    'connected',
    'connections',
  ]),
  '/in/ticks': inputOf('the clock was looked at', { times: { type: 'array', items: finite } }, ['times']),
  '/asked': recordOf(
    'what the device was told when it asked: the time of day, a signature, whether one holds, who is revoked or may command, how it fares, what became of writing and of the last update',
    {
      what: {
        enum: [
          ...(['wallClock', 'sign', 'verify', 'revoked', 'vitals', 'save'] as const),
          ...(['clock', 'operator', 'keep', 'reload', 'update', 'lastUpdate'] as const),
        ],
      },
      of: { type: 'string' },
      answer: { type: ['string', 'number', 'null'] },
    },
    ['what', 'of', 'answer'],
  ),
  '/out/action': recordOf(
    'the answer to a decision',
    { command: { type: 'object' }, fallback: nullableText, bits: base64 },
    ['command', 'fallback', 'bits'],
  ),
  '/out/hash': recordOf('the answer to reset and end', { policyHash }, ['policyHash']),
  '/out/learned': recordOf(
    'the answer to learn',
    { policyHash, samples: count, updates: count, return: nullableNumber, bits: base64 },
    ['policyHash', 'samples', 'updates', 'return', 'bits'],
  ),
  '/out/mixed': recordOf(
    'the answer to mix',
    { policyHash, verdicts: { type: 'array' }, refused: { type: 'object' }, note: nullableText },
    ['policyHash', 'verdicts', 'refused', 'note'],
  ),
  '/out/failed': recordOf('an answer that did not come', { of: { type: 'string' }, error: { type: 'string' } }, [
    'of',
    'error',
  ]),
  '/out/state': recordOf(
    'what was learned so far, as it was saved: counts, generators, SHA-256 of every vector',
    { counts: exact, generators: { type: 'object' }, digests: { type: 'object', additionalProperties: hash } },
    ['counts', 'generators', 'digests'],
  ),
} as const

const published = recordOf(
  'a message that the device published: as JSON, or size and SHA-256 of its bytes',
  { address, message: { type: 'object' }, bytes: count, sha256: hash, bits: base64 },
  ['address'],
)

type Fixed = typeof fixed
export type PublishedTopic = `/out/${keyof typeof channels}`
/** Topics of the messages in a log file. */
export type RecordTopic = keyof Fixed | PublishedTopic
export type RecordOf<T extends RecordTopic> = T extends keyof Fixed
  ? FromSchema<Fixed[T]>
  : FromSchema<typeof published>

/** The JSON Schema of each topic, in the order of their channel ids from 1. */
export const recordSchemas = {
  ...fixed,
  ...Object.fromEntries(Object.keys(channels).map((name) => [`/out/${name}`, published])),
} as unknown as Readonly<Record<RecordTopic, JSONSchema>>

export const recordTopics = Object.keys(recordSchemas) as RecordTopic[]

/** A validator for each topic, compiled at its first use. */
export const recordValidators = Object.fromEntries(
  Object.entries(recordSchemas).map(([topic, schema]) => [topic, validatorOf(schema)]),
) as unknown as { readonly [T in RecordTopic]: Validator<RecordOf<T>> }
