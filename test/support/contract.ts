import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import type { Overheard } from './wiretap.ts'

/** What is read of docs/asyncapi.json here; the parser of AsyncAPI has checked the rest. */
export interface Contract {
  readonly channels: Readonly<Record<string, ContractChannel>>
  readonly operations: Readonly<Record<string, ContractOperation>>
  readonly components: {
    readonly messages: Readonly<Record<string, ContractMessage>>
    readonly schemas: Readonly<Record<string, object>>
    readonly parameters: Readonly<Record<string, { readonly 'x-pattern': string }>>
  }
}

export interface ContractChannel {
  readonly address: string
  readonly title: string
  readonly description: string
  readonly 'x-max-bytes': number
  readonly 'x-retained': boolean
}

export interface ContractOperation {
  readonly action: 'send' | 'receive'
  readonly channel: Reference
  readonly tags: readonly Reference[]
  readonly bindings: { readonly mqtt: { readonly qos: number; readonly retain?: boolean } }
  readonly 'x-scope': 'own' | 'any'
}

export interface ContractMessage {
  readonly contentType: string
  readonly payload: Reference
  readonly examples: readonly { readonly name: string; readonly payload: unknown }[]
  readonly 'x-body-schema'?: Reference
  readonly 'x-header-schema'?: Reference
}

interface Reference {
  readonly $ref: string
}

export const contractFile = new URL('../../../docs/asyncapi.json', import.meta.url)

export function readContract(): Contract {
  return JSON.parse(readFileSync(contractFile, 'utf8')) as Contract
}

export interface ContractJudge {
  /** The name of the channel that describes a topic, if one does. */
  channelOf(topic: string): string | undefined
  /** What the document does not allow of a message, undefined where it allows it. */
  fault(message: Overheard): string | undefined
  /** The same of a payload alone. */
  payloadFault(channel: string, payload: Uint8Array): string | undefined
}

/** Judges messages by the document alone: nothing of `schemas/` is asked. */
export function createContractJudge({ channels, operations, components }: Contract): ContractJudge {
  const ajv = new Ajv({ strict: false, schemas: [{ $id: 'contract', components }] })
  const patterns = Object.entries(channels).map(([name, { address }]) => {
    const levels = address.split('/').map((level) => {
      const parameter = /^\{(.*)\}$/.exec(level)?.[1]
      return parameter === undefined ? level : components.parameters[parameter]?.['x-pattern'].replace(/^\^|\$$/g, '')
    })
    return [name, new RegExp(`^${levels.join('/')}$`)] as const
  })
  const channelOf = (topic: string): string | undefined => patterns.find(([, pattern]) => pattern.test(topic))?.[0]

  /** What a schema of the document says of a value. */
  const check = ({ $ref }: Reference, value: unknown): string | undefined => {
    const validate = ajv.getSchema(`contract${$ref}`)
    if (!validate) throw new Error(`the document must have a schema ${$ref}`)
    return validate(value) ? undefined : `${$ref}: ${ajv.errorsText(validate.errors)}`
  }

  const payloadFault = (channel: string, payload: Uint8Array): string | undefined => {
    const { 'x-max-bytes': most, 'x-retained': retained } = channels[channel] as ContractChannel
    const message = components.messages[channel] as ContractMessage
    if (payload.length > most) return `at most ${most} bytes, got ${payload.length}`
    if (payload.length === 0) return retained ? undefined : 'a payload of no bytes where nothing is retained'
    if (message['x-header-schema']) return check(message['x-header-schema'], headerOf(payload))
    const value = parsed(payload)
    const text = (value as { body?: unknown } | undefined)?.body
    const body = message['x-body-schema']
    return check(message.payload, value) ?? (body && check(body, parsed(Buffer.from(String(text)))))
  }

  return {
    channelOf,
    payloadFault,
    fault({ topic, payload, qos, retain, role, client, toBroker }) {
      const channel = channelOf(topic)
      if (channel === undefined) return `no channel describes ${topic}`
      const wrong = payloadFault(channel, payload)
      if (wrong !== undefined) return `${topic}: ${wrong}`
      const action = toBroker ? 'send' : 'receive'
      const allowed = Object.values(operations).find(
        (each) =>
          each.action === action &&
          each.channel.$ref === `#/channels/${channel}` &&
          each.tags.some(({ $ref }) => $ref === `#/components/tags/${role}`),
      )
      if (!allowed) return `${topic}: no operation of a ${role} to ${action}, got one of ${client}`
      if (allowed['x-scope'] === 'own' && !topic.split('/').includes(client))
        return `${topic}: a ${role}'s own only, got one of ${client}`
      const { mqtt } = allowed.bindings
      if (toBroker && qos !== mqtt.qos) return `${topic}: qos ${mqtt.qos}, got ${qos}`
      if (toBroker && retain !== mqtt.retain) return `${topic}: retain ${mqtt.retain}, got ${retain}`
      return undefined
    },
  }
}

/** The JSON header of a safetensors file; undefined where there is none. */
function headerOf(file: Uint8Array): unknown {
  const bytes = Buffer.from(file)
  return bytes.length < 8 ? undefined : parsed(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))))
}

function parsed(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json).toString('utf8'))
  } catch {
    return undefined
  }
}
