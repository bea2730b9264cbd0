import { type AccessRow, accessRows, type Grant, type Role } from '../../broker/access.ts'
import { type ChannelName, topicTexts } from '../../schemas/topic-texts.ts'
import { type Channel, channels, validId } from '../../schemas/topics.ts'
import { messageOf, payloadSchemas } from './messages.ts'
import { parameters, roles, securitySchemes, servers, tags } from './parties.ts'

type AnyChannel = Channel<string, unknown>

/** Which answer follows which question, on a channel of its own. */
const answers: Partial<Record<ChannelName, ChannelName>> = { obs: 'act', cmd: 'ack' }

/** The version of the MQTT bindings of AsyncAPI; those of one channel are empty by their definition. */
const bindingVersion = '0.2.0'

/**
 * The AsyncAPI 3.0 document of all topics: channels and payloads from `schemas/`, who publishes and reads them from the broker's
 * access table. `version` is that of the package. Pure: the same sources give the same document.
 */
export function asyncapiOf(version: string) {
  const names = Object.keys(channels) as ChannelName[]
  return {
    asyncapi: '3.0.0',
    id: 'urn:trustmix',
    info: {
      title: 'trustmix over MQTT',
      version,
      description,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: roles.map((role) => ({ $ref: `#/components/tags/${role}` })),
    },
    defaultContentType: 'application/json',
    servers,
    channels: Object.fromEntries(names.map((name) => [name, channelOf(name)])),
    operations: Object.fromEntries(names.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(names.map((name) => [name, messageOf(name)])),
      schemas: payloadSchemas,
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, text]) => [name, { ...text, 'x-pattern': validId.source }]),
      ),
      securitySchemes,
      tags,
    },
  }
}

const description = `The topics by which vehicles of a trustmix fleet learn from each other, drive a simulated world in lock-step and
tell watchers about it. MQTT 3.1.1: no properties of MQTT 5 are used, so there is no content type and no expiry on the wire, and
every datum is in the topic or in the payload. JSON payloads have \`version: 1\`; a receiver refuses any other.

A broker that follows the fleet's access rules lets each role publish and read what its operations here say and nothing else.
\`x-scope: own\` limits an operation to topics whose {vehicle} is the client's own id; \`any\` is any vehicle of the client's own
fleet, and for monitors and operators that read, of any fleet. A filter lies inside one channel: \`+\` for a parameter, never \`#\`.

\`x-max-bytes\` is the largest payload. Where \`retain\` is true, a payload of no bytes ends what was retained. \`x-unit\` is the unit of
a number; numbers without one are counts or have no dimension. \`x-latest-wins\`: only the newest message counts, so a broker may
leave out older ones for a slow reader.`

function channelOf(name: ChannelName) {
  const { levels, retain, maxBytes } = channels[name] as AnyChannel
  const { latest = false } = rowOf(name)
  const found = levels.flatMap((level) => /^\{(.*)\}$/.exec(level)?.[1] ?? [])
  return {
    address: levels.join('/'),
    ...topicTexts[name],
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    parameters: Object.fromEntries(found.map((each) => [each, { $ref: `#/components/parameters/${each}` }])),
    'x-max-bytes': maxBytes,
    'x-retained': retain,
    'x-latest-wins': latest,
  }
}

/** One operation for each role that may publish, and each that may read. */
function operationsOf(name: ChannelName): [string, object][] {
  const { publish, read } = rowOf(name)
  return [
    ...publish.map((grant) => operationOf(name, 'send', grant)),
    ...read.map((grant) => operationOf(name, 'receive', grant)),
  ]
}

/** The row of the access table on the topics of a channel; throws where the two tables contradict each other. */
function rowOf(name: ChannelName): AccessRow {
  const { levels, retain } = channels[name] as AnyChannel
  const topic = levels.slice(3).join('/')
  const row = accessRows.find((each) => each.topic === topic)
  if (!row) throw new Error(`every channel must have a row in broker/access.ts, got none for ${topic}`)
  if ((row.retain ?? false) !== retain)
    throw new Error(`${topic} must be retained in both tables or in none, got ${retain} in schemas/topics.ts`)
  return row
}

function operationOf(name: ChannelName, action: 'send' | 'receive', grant: Grant): [string, object] {
  const { qos, retain } = channels[name] as AnyChannel
  const own = grant.startsWith('own ')
  const role = (own ? grant.slice(4) : grant) as Role
  const verb = action === 'send' ? 'publishes' : 'reads'
  const answer = answers[name]
  return [
    `${role}-${verb}-${name}`,
    {
      action,
      channel: { $ref: `#/channels/${name}` },
      title: `${role} ${verb} ${name}`,
      summary: `${topicTexts[name].title}${own ? ` (${role}: its own)` : ''}`,
      tags: [{ $ref: `#/components/tags/${role}` }],
      messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
      bindings: { mqtt: { qos, ...(action === 'send' && { retain }), bindingVersion } },
      ...(answer && {
        reply: {
          channel: { $ref: `#/channels/${answer}` },
          messages: [{ $ref: `#/channels/${answer}/messages/${answer}` }],
        },
      }),
      'x-scope': own ? 'own' : 'any',
    },
  ]
}
