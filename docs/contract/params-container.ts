import { encodeSafetensors, policyLayout, tensorsFromVector } from '../../device/core/index.ts'
import { hash, id } from '../../schemas/common.ts'

const whole = { type: 'string', pattern: '^(0|[1-9][0-9]{0,14})$' } as const

/** What travels on `params` and `aggregate`: one file, of which JSON Schema can say only that it is bytes. */
export const containerSchema = {
  type: 'string',
  format: 'binary',
  description: `One safetensors file: 8 bytes with the length of the header as an unsigned little-endian number, the header as JSON
(paramsHeader), then the values of all tensors, float32, little-endian, in the order of their offsets and without gaps. The names are
those of PyTorch's nn.Sequential for the policy network ("policy.0.weight" …) and "log_std".

policyHash is SHA-256 over the values, tensors in code-unit order of their names. signature is Ed25519 (base64) over all bytes of the
header with its own 88 characters replaced by "A"; through policyHash it covers the values.`,
} as const

/** The JSON header of that file. */
export const headerSchema = {
  type: 'object',
  required: ['__metadata__'],
  properties: {
    __metadata__: {
      type: 'object',
      additionalProperties: false,
      required: [
        'format',
        'fleet',
        'vehicle',
        'boot',
        'sequence',
        'features',
        'architecture',
        'policyHash',
        'signature',
      ],
      properties: {
        format: { const: 'trustmix-params/1' },
        fleet: id,
        vehicle: { ...id, description: 'who signs' },
        boot: { ...whole, description: 'starts of the process so far' },
        sequence: { ...whole, description: '(boot, sequence) only grows; a receiver drops what is not newer' },
        updates: { ...whole, description: 'updates that the policy has had' },
        time: { type: 'string', description: 'ISO 8601; informative' },
        cell: id,
        features: { ...hash, description: 'SHA-256 of the names and order of observation and action' },
        architecture: { ...hash, description: 'SHA-256 of the sizes of the layers' },
        policyHash: hash,
        signature: { type: 'string', pattern: '^[A-Za-z0-9+/]{86}==$' },
      },
    },
  },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    required: ['dtype', 'shape', 'data_offsets'],
    properties: {
      dtype: { const: 'F32' },
      shape: { type: 'array', items: { type: 'integer', minimum: 0 } },
      data_offsets: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'integer', minimum: 0 } },
    },
  },
} as const

/** A file of the smallest policy (one input, one action, no hidden layer), a character for each byte; its signature is none. */
export function containerExample(vehicle: string): string {
  const layout = policyLayout({ observationSize: 1, actionSize: 1, hidden: [] })
  const zeros = '0'.repeat(64)
  const metadata = new Map([
    ...Object.entries({ format: 'trustmix-params/1', fleet: 'demo', vehicle, boot: '1', sequence: '7', updates: '7' }),
    ...Object.entries({ time: '2026-01-01T12:00:00.000Z', cell: 'all', features: zeros, architecture: zeros }),
    ...Object.entries({ policyHash: zeros, signature: `${'A'.repeat(86)}==` }),
  ])
  const tensors = tensorsFromVector(layout, new Float32Array(layout.size).fill(0.5))
  return Buffer.from(encodeSafetensors({ tensors, metadata })).toString('latin1')
}
