import type { Role } from '../../broker/access.ts'
import { commandNames } from '../../schemas/command.ts'

/** What each role of a client is; the broker knows it by user name or certificate. */
const roleTexts: Readonly<Record<Role, string>> = {
  device: 'One vehicle that learns.',
  bridge: 'The sim-bridge: owns the simulated world and its time.',
  aggregator: 'The averaging server; only with the methods average and average-gated.',
  monitor:
    'A screen or a collector: reads what happens, publishes health and alarms. Whoever connects from the same machine without a user name is one.',
  operator: 'A person who may give signed commands; reads as a monitor does.',
  root: 'Whoever holds the key of the fleet and signs its roster.',
}

export const roles = Object.keys(roleTexts) as Role[]

export const tags = Object.fromEntries(roles.map((role) => [role, { name: role, description: roleTexts[role] }]))

/** The variable levels of topics; each is one id. */
export const parameters = {
  fleet: { description: 'Id of the fleet.', examples: ['demo'] },
  vehicle: {
    description:
      'Id of a vehicle, or `aggregator`. On `want` it is who is asked, on `obs` and `cmd` who is meant, elsewhere who publishes.',
    examples: ['car01', 'aggregator'],
  },
  cell: {
    description: 'Area whose vehicles are near each other; a default run has the one cell `all`.',
    examples: ['all'],
  },
  run: { description: 'Id of a run of the simulated world.', examples: ['run1'] },
  name: { description: 'Name of a command.', examples: [...commandNames] },
  id: { description: 'Id of an alarm.', examples: ['offline-car01'] },
}

const variables = (port: string) => ({
  host: { default: 'localhost', description: 'Name or address of the broker.' },
  port: { default: port, description: 'Whatever the broker listens on.' },
})

/** Every session is clean, whatever CONNECT asks for; 60 s is what the members of a fleet ask for. */
const bindings = { mqtt: { cleanSession: true, keepAlive: 60, bindingVersion: '0.2.0' } }

const common = { host: '{host}:{port}', protocolVersion: '3.1.1', bindings }

/** The three ways to a broker; one fleet has one broker. */
export const servers = {
  mqtt: {
    ...common,
    protocol: 'mqtt',
    title: 'TCP, on one machine',
    description: 'User name and password; without them a client of the same machine is a monitor.',
    variables: variables('1883'),
    security: [{ $ref: '#/components/securitySchemes/password' }],
  },
  mqtts: {
    ...common,
    protocol: 'mqtts',
    title: 'TLS, in a network',
    description: 'TLS 1.3 with a client certificate of the fleet, which says role and id (docs/trust.md).',
    variables: variables('8883'),
    security: [{ $ref: '#/components/securitySchemes/certificate' }],
  },
  wss: {
    ...common,
    protocol: 'wss',
    title: 'WebSocket over TLS, for browsers and firewalls',
    description: 'As mqtts, with the WebSocket subprotocol `mqtt`. A web page may connect from the same host and port.',
    variables: variables('8884'),
    security: [{ $ref: '#/components/securitySchemes/certificate' }],
  },
}

export const securitySchemes = {
  password: { type: 'userPassword', description: 'User name and password of CONNECT.' },
  certificate: { type: 'X509', description: 'Certificate of the fleet: CN is the id, OU the role, O the fleet.' },
}
