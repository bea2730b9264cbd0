import type { Member, Registry } from '../../schemas/fleet-registry.ts'
import { fit, padEnd, padStart } from '../view/text.ts'

/** From when on an end is announced, ms: two months. */
const soonMs = 60 * 86_400_000

/** Who is in a fleet, one row each, as plain text of at most `width` columns; the roster's number and what needs attention. */
export function memberTable({ fleet, number, members, tokens }: Registry, now: Date, width: number): string {
  const rows = [...members].sort((a, b) => order(a) - order(b) || (a.id < b.id ? -1 : 1))
  const line = (id: string, role: string, to: string, state: string): string =>
    fit(`${padEnd(id, 24)}${padEnd(role, 12)}${padEnd(to, 12)}${state}`.trimEnd(), width)
  const open = tokens.filter(({ usedBy, expires }) => usedBy === null && new Date(expires) > now)
  return [
    line('id', 'role', 'valid to', 'state'),
    ...rows.map((member) => line(member.id, member.role, member.notAfter.slice(0, 10), stateOf(member, now))),
    ...open.map(({ id, expires }) =>
      line(id, 'device', '', `to enrol by ${expires.slice(0, 16).replace('T', ' ')} UTC`),
    ),
    fit(`fleet ${fleet}, roster ${number}, ${padStart(String(members.length), 1)} members`, width),
    '',
  ].join('\n')
}

const order = ({ role }: Member): number =>
  ['root', 'broker', 'bridge', 'aggregator', 'monitor', 'operator', 'device'].indexOf(role)

function stateOf({ revoked, notAfter, commands, hosts }: Member, now: Date): string {
  if (revoked !== null) return `revoked ${revoked.slice(0, 10)}`
  const left = new Date(notAfter).getTime() - now.getTime()
  const more = [...commands, ...hosts].join(' ')
  if (left < 0) return `EXPIRED ${more}`.trimEnd()
  return `${left < soonMs ? `${Math.floor(left / 86_400_000)} days left ` : ''}${more}`.trimEnd()
}
