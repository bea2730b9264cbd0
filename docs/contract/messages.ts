import { commandBodySchema } from '../../schemas/command.ts'
import { type ChannelName, topicTexts } from '../../schemas/topic-texts.ts'
import { type Channel, channels } from '../../schemas/topics.ts'
import { rosterBodySchema } from '../../schemas/trust.ts'
import { examples } from './examples.ts'
import { containerSchema, headerSchema } from './params-container.ts'

/** Signed texts that are JSON themselves: the schema of what is in `body`. */
const bodies: Partial<Record<ChannelName, string>> = { cmd: 'commandBody', roster: 'rosterBody' }

/** The message of a channel, its payload by reference to `payloadSchemas`. */
export function messageOf(name: ChannelName) {
  const { validate, maxBytes } = channels[name] as Channel<string, unknown>
  const body = bodies[name]
  return {
    name,
    title: topicTexts[name].title,
    contentType: validate ? 'application/json' : 'application/octet-stream',
    payload: { $ref: `#/components/schemas/${validate ? name : 'paramsContainer'}` },
    ...((name === 'obs' || name === 'act') && {
      correlationId: { location: '$message.payload#/seq', description: 'The answer repeats the seq of its question.' },
    }),
    bindings: { mqtt: { bindingVersion: '0.2.0' } },
    examples: examples[name],
    'x-max-bytes': maxBytes,
    ...(body !== undefined && { 'x-body-schema': { $ref: `#/components/schemas/${body}` } }),
    ...(!validate && { 'x-header-schema': { $ref: '#/components/schemas/paramsHeader' } }),
  }
}

/** JSON Schemas of the payloads and of what is packed into them. */
export const payloadSchemas: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(
    Object.entries(channels).flatMap(([name, { validate }]) =>
      validate ? [[name, published(validate.schema, name)]] : [],
    ),
  ),
  commandBody: published(commandBodySchema, 'command body'),
  rosterBody: published(rosterBodySchema, 'roster body'),
  paramsContainer: containerSchema,
  paramsHeader: headerSchema,
}

/**
 * A schema of ours as AsyncAPI has it: without the id, which is a name within one validator, and without the discriminator, which
 * has another form there (the constants of `kind` say the same); the unit as an extension. What becomes a type of its own in
 * a generated client gets a title: the way to it from the message, which is `name`.
 */
function published(schema: unknown, name: string): unknown {
  if (Array.isArray(schema)) return schema.map((each) => published(each, name))
  if (typeof schema !== 'object' || schema === null) return schema
  const { title = name } = schema as { readonly title?: string }
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]): [string, unknown][] => {
      if (key === '$id' || key === 'discriminator') return []
      if (key === 'unit') return [['x-unit', value]]
      // The keys of `properties` are names, not words of JSON Schema.
      if (key === 'properties') return [[key, titled(value as object, title)]]
      return [[key, published(value, title)]]
    }),
  )
}

function titled(properties: object, parent: string): object {
  return Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => {
      const title = `${parent} ${key}`
      const isType = 'enum' in schema || ('type' in schema && schema.type === 'object')
      return [key, { ...(isType && { title }), ...(published(schema, title) as object) }]
    }),
  )
}
