import type { FromSchema } from 'json-schema-to-ts'
import { id, publicKey, version } from './common.ts'
import { configSchema } from './config.ts'
import { rosterSchema } from './trust.ts'
import { validatorOf } from './validator.ts'

const pem = { type: 'string', pattern: '^-----BEGIN [A-Z0-9 ]+-----\\n', maxLength: 16_384 } as const
const host = { type: 'string', pattern: '^[A-Za-z0-9.:_-]{1,253}$' } as const
const address = { type: 'string', pattern: '^[0-9A-Fa-f.:]{2,45}$' } as const
const { version: _version, ...configProperties } = configSchema.properties
const { $id: _id, ...roster } = rosterSchema

/**
 * `trustmix-provision.json`: all that makes a freshly written unit a member of a fleet. What concerns the machine (hostname,
 * Wi-Fi, address, time servers, updates) is only described here; the image applies it.
 */
export const provisionSchema = {
  $id: 'provision',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'id', 'fleet', 'broker', 'ca', 'rootKey'],
  properties: {
    version,
    /** Vehicle id, client id and CN of the certificate. */
    id,
    fleet: id,
    broker: configProperties.broker,
    /** The certificate that the broker's and the enrolment server's must be signed by. */
    ca: pem,
    /** Ed25519 key that signs rosters. */
    rootKey: publicKey,
    roster,
    /** Makes the keys on the unit and has them certified; the token works once. */
    enrolment: {
      type: 'object',
      additionalProperties: false,
      required: ['url', 'token'],
      properties: {
        url: { type: 'string', pattern: '^https://[^/?#@]+/?$', maxLength: 300 },
        token: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' },
      },
    },
    /** Or keys that were made elsewhere. */
    keys: {
      type: 'object',
      additionalProperties: false,
      required: ['tlsKey', 'certificate', 'signingKey'],
      properties: { tlsKey: pem, certificate: pem, signingKey: pem },
    },
    hostname: { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' },
    wifi: {
      type: 'object',
      additionalProperties: false,
      required: ['ssid', 'country'],
      properties: {
        ssid: { type: 'string', minLength: 1, maxLength: 32 },
        /** WPA passphrase (8 to 63 characters) or key (64 hexadecimal digits); absent: an open network. */
        passphrase: { type: 'string', minLength: 8, maxLength: 64 },
        /** ISO 3166-1, for the radio's rules. */
        country: { type: 'string', pattern: '^[A-Z]{2}$' },
        hidden: { type: 'boolean' },
      },
    },
    address: {
      type: 'object',
      discriminator: { propertyName: 'method' },
      required: ['method'],
      oneOf: [
        { additionalProperties: false, properties: { method: { const: 'dhcp' } } },
        {
          additionalProperties: false,
          required: ['address', 'gateway', 'dns'],
          properties: {
            method: { const: 'static' },
            /** With its prefix length, such as 192.168.1.20/24. */
            address: { type: 'string', pattern: '^[0-9A-Fa-f.:]{2,45}/[0-9]{1,3}$' },
            gateway: address,
            dns: { type: 'array', maxItems: 3, items: address },
          },
        },
      ],
    },
    /** Names or addresses of time servers. */
    ntp: { type: 'array', maxItems: 8, items: host },
    /** Hosts (host or host:port) from which an operator may have updates fetched, by https. */
    update: {
      type: 'object',
      additionalProperties: false,
      required: ['hosts'],
      properties: {
        hosts: { type: 'array', maxItems: 8, items: { type: 'string', pattern: '^[a-z0-9.-]{1,253}(:[0-9]{1,5})?$' } },
      },
    },
    /** Run to take part in. */
    run: id,
    /** Further keys of the device's configuration (`trustmix device --help`). */
    config: { type: 'object', additionalProperties: false, properties: configProperties },
  },
} as const

export type Provision = FromSchema<typeof provisionSchema>
export const validateProvision = validatorOf(provisionSchema)

/** What a unit sends to be enrolled: a PKCS#10 request for its TLS key, its signing key and the proof that it has it. */
export const enrolmentRequestSchema = {
  $id: 'enrolment-request',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'id', 'token', 'request', 'key', 'proof'],
  properties: {
    version,
    id,
    token: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' },
    request: { type: 'string', pattern: '^-----BEGIN CERTIFICATE REQUEST-----\\n', maxLength: 4_096 },
    key: publicKey,
    /** Ed25519 signature over `enrolmentProof`. */
    proof: { type: 'string', pattern: '^[A-Za-z0-9+/]{86}==$' },
  },
} as const
export type EnrolmentRequest = FromSchema<typeof enrolmentRequestSchema>
export const validateEnrolmentRequest = validatorOf(enrolmentRequestSchema)

/** The bytes that prove the possession of the signing key, bound to the fleet, the id and the request. */
export function enrolmentProof({ fleet, id, request }: { fleet: string; id: string; request: string }): string {
  return ['trustmix-enrolment/1', fleet, id, request].join('\n')
}

export const enrolmentAnswerSchema = {
  $id: 'enrolment-answer',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'certificate', 'ca', 'roster'],
  properties: { version, certificate: pem, ca: pem, roster },
} as const
export type EnrolmentAnswer = FromSchema<typeof enrolmentAnswerSchema>
export const validateEnrolmentAnswer = validatorOf(enrolmentAnswerSchema)
