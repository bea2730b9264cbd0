import { X509Certificate } from 'node:crypto'
import { isId, type Role } from './access.ts'

/** Who a client certificate says its bearer is; the authority of the fleet has signed it. */
export interface Certified {
  readonly role: Role
  readonly id: string
  /** Lower-case hexadecimal. */
  readonly serial: string
}

/**
 * Reads the subject of a client certificate that TLS has verified: CN is the id, OU the role, O the fleet, each exactly once.
 * Undefined where it is of another fleet or names no role of a client.
 */
export function certifiedOf(der: Uint8Array, fleet: string): Certified | undefined {
  const { subject, serialNumber } = new X509Certificate(der)
  const fields = new Map<string, string>()
  for (const line of subject.split('\n')) {
    const at = line.indexOf('=')
    const name = line.slice(0, at)
    if (fields.has(name)) return undefined
    fields.set(name, line.slice(at + 1))
  }
  const [id = '', role = ''] = [fields.get('CN'), fields.get('OU')]
  if (fields.get('O') !== fleet || !isId(id) || !isRole(role)) return undefined
  return { role, id, serial: serialNumber.toLowerCase() }
}

const roles: ReadonlySet<string> = new Set<Role>(['device', 'bridge', 'aggregator', 'monitor', 'operator', 'root'])

function isRole(text: string): text is Role {
  return roles.has(text)
}
