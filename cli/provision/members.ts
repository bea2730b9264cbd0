import { createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { rawPublicKey } from '../../device/identity.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { Member, MemberRole, Registry } from '../../schemas/fleet-registry.ts'
import { aggregatorId, validId } from '../../schemas/topics.ts'
import type { RosterBody, RosterMessage } from '../../schemas/trust.ts'
import { formatVersion } from '../../schemas/validator.ts'
import type { FleetDirectory, FleetKeys } from './fleet-directory.ts'
import { type CertificateMaker, newTlsKey } from './x509.ts'

/** A fleet that is being changed: its registry is written, and a roster and a revocation list signed, by `commit`. */
export interface FleetChange {
  readonly registry: Registry
  /** Makes keys and certificate of a new member in `members/ID`. */
  add(member: NewMember): Promise<Member>
  /** Certifies keys that were made elsewhere. */
  certify(member: NewMember, tlsKey: KeyObject, key: string): Promise<{ member: Member; certificate: string }>
  /** A new certificate for the same key; the former one stays good to its end, or until the member is revoked. */
  renew(id: string, validDays: number | undefined): Promise<Member>
  /** Takes the member out for ever. */
  revoke(id: string): Promise<Member>
  /** Writes registry, roster and revocation list durably; returns the roster. */
  commit(): Promise<RosterMessage>
}

export interface NewMember {
  readonly id: string
  readonly role: MemberRole
  readonly commands?: readonly string[]
  readonly hosts?: readonly string[]
  readonly validDays?: number | undefined
}

/** Validity of a certificate unless another is asked for, days: ten years. What ends a membership is revocation. */
export const defaultValidDays = 3_650

/** Roles whose members sign something with an Ed25519 key of their own. */
const signers: ReadonlySet<MemberRole> = new Set(['device', 'aggregator', 'operator'])

/** Starts a change; nothing is written before `commit` but the keys of new members, which nobody knows yet. */
export function changeFleet(
  directory: FleetDirectory,
  keys: FleetKeys,
  maker: CertificateMaker,
  now: Date,
): FleetChange {
  const registry = directory.registry()
  const { fleet } = registry
  const folder = (id: string): string => directory.file('members', id)
  const lastDay = new Date(readNotAfter(keys.authority.certificate))
  const endOf = (validDays = defaultValidDays): Date =>
    new Date(Math.min(now.getTime() + validDays * 86_400_000, lastDay.getTime()))
  const find = (id: string): Member => {
    const member = registry.members.find((candidate) => candidate.id === id)
    if (!member) throw new ExitError('usage', `${id} must be a member of fleet ${fleet}; see trustmix provision list`)
    return member
  }
  const replace = (member: Member): Member => {
    registry.members.splice(
      registry.members.findIndex(({ id }) => id === member.id),
      1,
      member,
    )
    return member
  }

  const certify: FleetChange['certify'] = async (asked, tlsKey, key) => {
    const { id, role, commands = [], hosts = [], validDays } = asked
    checkNew(registry, asked)
    const notAfter = endOf(validDays)
    const issued = await maker.issue({ id, role, fleet, hosts }, tlsKey, keys.authority, notAfter)
    const member: Member = {
      ...{ id, role, serial: issued.serial, notAfter: notAfter.toISOString(), replaced: [], revoked: null },
      ...{ key: key === '' ? null : key, commands: [...commands], hosts: [...hosts] },
    }
    registry.members.push(member)
    writeAtomically(join(folder(id), 'tls.pem'), issued.certificate)
    return { member, certificate: issued.certificate }
  }

  return {
    registry,
    certify,
    async add(asked) {
      checkNew(registry, asked)
      const tlsKey = newTlsKey()
      const signing = signers.has(asked.role) ? generateKeyPairSync('ed25519').privateKey : undefined
      writeAtomically(join(folder(asked.id), 'tls.key.pem'), pem(tlsKey), 0o600)
      if (signing) writeAtomically(join(folder(asked.id), 'signing.key.pem'), pem(signing), 0o600)
      return (await certify(asked, createPublicKey(tlsKey), signing ? rawPublicKey(signing) : '')).member
    },
    async renew(id, validDays) {
      const former = find(id)
      if (former.revoked !== null)
        throw new ExitError('usage', `${id} was revoked on ${former.revoked}; a revoked id is never given out again`)
      const file = join(folder(id), 'tls.pem')
      if (!existsSync(file)) throw new ExitError('damaged', `${file} must hold the certificate of ${id}`)
      const notAfter = endOf(validDays)
      const subject = { id, role: former.role, fleet, hosts: former.hosts }
      const issued = await maker.issue(subject, createPublicKey(readFileSync(file)), keys.authority, notAfter)
      writeAtomically(file, issued.certificate)
      const replaced = [...former.replaced, former.serial]
      return replace({ ...former, serial: issued.serial, notAfter: notAfter.toISOString(), replaced })
    },
    async revoke(id) {
      const member = find(id)
      return replace({ ...member, revoked: member.revoked ?? now.toISOString() })
    },
    async commit() {
      registry.number++
      const message = signRoster(registry, keys.root, now)
      const list = await maker.revocations(keys.authority, revokedSerials(registry), lastDay)
      // The registry first: after a cut the roster is behind, never ahead, and the next change signs a newer one.
      directory.write('fleet.json', `${JSON.stringify(registry, null, 2)}\n`, 0o600)
      directory.write('roster.json', `${JSON.stringify(message)}\n`)
      directory.write('crl.pem', list)
      return message
    },
  }
}

/** The roster of a registry, signed over the exact bytes of its body. */
export function signRoster(registry: Registry, root: KeyObject, now: Date): RosterMessage {
  const live = registry.members.filter(({ revoked }) => revoked === null)
  const body: RosterBody = {
    ...{ version: formatVersion, kind: 'roster', fleet: registry.fleet, number: registry.number },
    issued: now.toISOString(),
    devices: Object.fromEntries(
      live.flatMap(({ id, role, key }) => (role !== 'operator' && key !== null ? [[id, key]] : [])),
    ),
    operators: Object.fromEntries(
      live.flatMap(({ id, role, key, commands }) =>
        role === 'operator' && key !== null ? [[id, { key, commands }]] : [],
      ),
    ),
    revoked: {
      ids: registry.members.filter(({ revoked }) => revoked !== null).map(({ id }) => id),
      serials: revokedSerials(registry),
    },
  }
  const text = JSON.stringify(body)
  const signature = sign(null, Buffer.from(text, 'utf8'), root).toString('base64')
  return { version: formatVersion, body: text, signature }
}

function revokedSerials({ members }: Registry): string[] {
  return members.flatMap(({ serial, replaced, revoked }) => (revoked === null ? [] : [...replaced, serial]))
}

function checkNew({ members, fleet }: Registry, { id, role }: NewMember): void {
  if (!validId.test(id)) throw new ExitError('usage', `an id must match [A-Za-z0-9_-]{1,23}, got ${JSON.stringify(id)}`)
  if ((id === aggregatorId) !== (role === 'aggregator'))
    throw new ExitError('usage', `the id "${aggregatorId}" belongs to the averaging server alone, got ${role} ${id}`)
  const known = members.find((member) => member.id === id)
  if (!known) return
  const how =
    known.revoked === null ? `is ${known.role} ${id} already` : 'was revoked, and an id is never given out again'
  throw new ExitError('usage', `${id} of fleet ${fleet} ${how}`)
}

function readNotAfter(certificate: string): string {
  return new X509Certificate(certificate).validTo
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}
