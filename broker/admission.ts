import { createHash, timingSafeEqual } from 'node:crypto'
import { isId, type Principal, parseTopic, publishDenial, type Role } from './access.ts'
import type { Certified } from './certificate.ts'

/** One process or person; `id` is the client id of devices, the bridge and the aggregator. */
export interface User {
  readonly role: Role
  readonly id: string
  readonly password: string
}

export interface AdmissionRules {
  readonly fleet: string
  /** By user name; read at every CONNECT, so the owner may add and remove users. */
  readonly users: ReadonlyMap<string, User>
  /** Clients without a user name that connect over loopback are monitors. */
  readonly anonymousMonitors: boolean
}

/** What a CONNECT asks for. */
export interface ConnectRequest {
  /** Empty when the client left the choice to the broker. */
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  readonly loopback: boolean
  /** What the certificate says, where TLS has verified one. */
  readonly certified: Pick<Certified, 'role' | 'id'> | undefined
  readonly clean: boolean
  readonly will: { readonly topic: string; readonly retain: boolean } | undefined
  /** User name (empty: anonymous) that holds a live connection with this client id. */
  readonly heldBy: string | undefined
}

export type AdmissionRefusal = 'client-id' | 'client-id-in-use' | 'credentials' | 'will-forbidden'

/** Who connects: the principal and its user name (empty: anonymous), or why the CONNECT is refused. */
export function admit(rules: AdmissionRules, request: ConnectRequest): Admission | AdmissionRefusal {
  const { certified } = request
  // With a prefix: a user of the users file with that name is somebody else.
  const username = certified ? `certificate/${certified.id}` : (request.username ?? '')
  const user = certified ?? rules.users.get(username)
  const anonymous = request.username === undefined && request.password === undefined
  if (certified) {
    // TLS has proved more than a password could; what CONNECT says of a user is not looked at, as with mosquitto.
  } else if (
    anonymous ? !(rules.anonymousMonitors && request.loopback) : !matches(rules.users.get(username), request.password)
  ) {
    return 'credentials'
  }
  const { clientId } = request
  // [MQTT-3.1.3-8]: an empty id needs a clean session
  if (clientId === '' ? !request.clean : !isId(clientId)) return 'client-id'
  if (user && FIXED_ID.has(user.role) && clientId !== user.id) return 'client-id'
  // a connection with the same id takes over the older one, so only its own user may bring it; whose certificate bears the
  // id gets it back from whoever took it, for no list says which ids certificates bear
  const owner = certified !== undefined && FIXED_ID.has(certified.role)
  if (!owner && request.heldBy !== undefined && request.heldBy !== username) return 'client-id-in-use'
  if (!owner && isReserved(rules.users, clientId, username)) return 'client-id-in-use'
  const role = user?.role ?? 'monitor'
  const principal = { role, id: user?.id ?? clientId, fleet: rules.fleet }
  if (request.will) {
    const topic = parseTopic(request.will.topic)
    if (typeof topic === 'string' || publishDenial(principal, topic, request.will.retain)) return 'will-forbidden'
  }
  return { principal, username }
}

export interface Admission {
  readonly principal: Principal
  readonly username: string
}

/** Throws if a user could never connect or could pass for another: the rules of ids, checked once at start. */
export function checkUsers(users: ReadonlyMap<string, User>): void {
  for (const [username, { role, id }] of users) {
    if (username === '') throw new Error('a user name must not be empty')
    if (!isId(id))
      throw new Error(`the id of user ${username} must match [A-Za-z0-9_-]{1,23}, got ${JSON.stringify(id)}`)
    if ((role === 'aggregator') !== (id === 'aggregator')) {
      throw new Error(`the id "aggregator" belongs to the aggregator alone, got role ${role} with id ${id}`)
    }
  }
}

/** Roles whose client id is their id: at most one connection each. */
const FIXED_ID: ReadonlySet<Role> = new Set(['device', 'bridge', 'aggregator'])

/** Constant time in the password; an unknown user costs the same comparison. */
function matches(user: User | undefined, password: Uint8Array | undefined): boolean {
  const equal = timingSafeEqual(digest(user?.password ?? ''), digest(password ?? ''))
  return equal && user !== undefined && user.password !== ''
}

function digest(secret: string | Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest()
}

function isReserved(users: ReadonlyMap<string, User>, clientId: string, username: string): boolean {
  for (const [name, user] of users) {
    if (user.id === clientId && name !== username && FIXED_ID.has(user.role)) return true
  }
  return false
}
