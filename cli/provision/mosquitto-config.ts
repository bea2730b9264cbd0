import { join } from 'node:path'
import { filtersOf, type Role } from '../../broker/access.ts'
import { defaultFraming } from '../../broker/guard.ts'
import type { Member } from '../../schemas/fleet-registry.ts'

export interface MosquittoOptions {
  /** Absolute path of the directory that the files are used from. */
  readonly folder: string
  readonly host: string
  readonly tlsPort: number
  readonly wsPort: number | undefined
}

/**
 * Listeners for mosquitto 2.0: TLS 1.3 with client certificates, whose CN is user name and client id. The settings are global
 * (no per_listener_settings), so that no listener beside these admits anybody without rules.
 */
export function mosquittoConfig({ folder, host, tlsPort, wsPort }: MosquittoOptions): string {
  const listener = (port: number): string[] => [
    `listener ${port} ${host}`,
    `cafile ${join(folder, 'ca.pem')}`,
    `certfile ${join(folder, 'broker.pem')}`,
    `keyfile ${join(folder, 'broker.key.pem')}`,
    `crlfile ${join(folder, 'crl.pem')}`,
    'tls_version tlsv1.3',
    'require_certificate true',
    'use_identity_as_username true',
    'use_username_as_clientid true',
  ]
  return [
    '# Written by trustmix provision broker-config mosquitto.',
    'allow_anonymous false',
    `acl_file ${join(folder, 'acl')}`,
    `max_packet_size ${defaultFraming.packetBytes}`,
    'set_tcp_nodelay true',
    '',
    ...listener(tlsPort),
    ...(wsPort === undefined ? [] : ['', ...listener(wsPort), 'protocol websockets']),
    '',
  ].join('\n')
}

/**
 * The access rules, one section a member: what is not listed is denied, so a member that was revoked or is not yet known has
 * nothing. Members are named, because mosquitto's patterns know no roles.
 */
export function mosquittoAcl(fleet: string, members: readonly Member[]): string {
  const sections = members.flatMap(({ id, role, revoked }) => {
    if (revoked !== null || role === 'broker') return []
    const { publish, read } = filtersOf({ role: role satisfies Role, id, fleet })
    const lines = [...publish.map((filter) => `topic write ${filter}`), ...read.map((filter) => `topic read ${filter}`)]
    return [`# ${role}`, `user ${id}`, ...lines, '']
  })
  return ['# Written by trustmix provision broker-config mosquitto.', '', ...sections].join('\n')
}
