import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openFleetDirectory } from '../cli/provision/fleet-directory.ts'
import { createInbox } from '../device/bus/inbox.ts'
import { createRng, initialPolicy } from '../device/core/index.ts'
import { createIdentity } from '../device/identity.ts'
import { createMailbox } from '../device/mailbox.ts'
import { sealParams } from '../device/params.ts'
import { openRoster, type Roster } from '../device/trust/roster.ts'
import { createRosterIdentity } from '../device/trust/roster-identity.ts'
import { createRosterStore } from '../device/trust/roster-store.ts'
import { channels } from '../schemas/topics.ts'
import { namesOf } from './support/devices.ts'
import { trustFleet } from './support/trust-fleet.ts'

t.test('a roster is taken if it is signed by the root, of this fleet, and newer', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('device', 'car1', 'car2')
  await fleet.provision('operator', 'ann', '--commands', 'pause')
  const other = await trustFleet(t, join(fleet.path, '..', 'other'))
  const rootOf = (path: string): string => {
    const pem = readFileSync(join(path, 'root.pub.pem'), 'utf8').split('\n')[1] ?? ''
    return Buffer.from(pem, 'base64').subarray(12).toString('base64')
  }
  const message = JSON.parse(fleet.read('roster.json'))
  const root = rootOf(fleet.path)
  const opened = openRoster(message, root, 'demo', 2)
  if (!opened.ok) throw new Error(opened.detail)
  const { roster } = opened
  t.equal(roster.number, 3)
  t.strictSame(roster.operator('ann')?.commands, ['pause'])
  t.equal(roster.operator('car1'), undefined)
  t.equal(roster.deviceKey('ann'), undefined)
  t.equal(roster.deviceKey('__proto__'), undefined)
  const refusals: [string, unknown, string?, string?, number?][] = [
    ['replayed', message, root, 'demo', 3],
    ['bad-signature', message, rootOf(other.path)],
    ['wrong-fleet', message, root, 'other'],
    ['bad-signature', { ...message, body: `${message.body} ` }],
    ['malformed', { ...message, signature: 'x' }],
    ['unsupported-version', { ...message, version: 2 }],
    ['malformed', null],
  ]
  for (const [reason, value, key = root, name = 'demo', above = 0] of refusals)
    t.match(openRoster(value, key, name, above), { ok: false, reason }, `${reason} ${above}`)

  // Who signs what, as a device sees it before and after a revocation.
  const car1 = createIdentity(fleet.read('members', 'car1', 'signing.key.pem'), {})
  let present: typeof roster | undefined
  const me = createRosterIdentity(fleet.read('members', 'car2', 'signing.key.pem'), () => present)
  const bytes = Buffer.from('parameters')
  const signature = car1.sign(bytes)
  t.equal(me.verify('car1', bytes, signature), 'unknown-peer', 'without a roster nobody is a member')
  present = roster
  t.equal(me.verify('car1', bytes, signature), 'ok')
  t.equal(me.verify('car2', bytes, signature), 'bad-signature')
  t.equal(me.verify('car3', bytes, signature), 'unknown-peer')
  await fleet.provision('revoke', 'car1')
  const next = openRoster(JSON.parse(fleet.read('roster.json')), root, 'demo', 3)
  if (!next.ok) throw new Error(next.detail)
  present = next.roster
  t.equal(me.verify('car1', bytes, signature), 'revoked')
  t.equal(me.isRevoked?.('car1'), true)
  t.equal(me.isRevoked?.('car2'), false)
})

t.test('the newest roster outlives a restart; a damaged one is set aside', async (t) => {
  const fleet = await trustFleet(t)
  const rootKey = openFleetDirectory(fleet.path).rootKey
  const rosters = [JSON.parse(fleet.read('roster.json'))]
  for (const id of ['car1', 'car2']) {
    await fleet.provision('device', id)
    rosters.push(JSON.parse(fleet.read('roster.json')))
  }
  mkdirSync(join(fleet.path, 'state'))
  const path = join(fleet.path, 'state', 'roster.json')
  const initial = join(fleet.path, 'initial.json')
  writeFileSync(initial, JSON.stringify(rosters[0]))
  const troubles: string[] = []
  const open = () =>
    createRosterStore({ fleet: 'demo', rootKey, path, initial: [initial], onTrouble: (text) => troubles.push(text) })
  const first = open()
  t.equal(first.current?.number, 1, 'it starts with the one it was given')
  t.ok(first.take(rosters[2]).ok)
  t.match(first.take(rosters[1]), { ok: false, reason: 'replayed' })
  t.equal(open().current?.number, 3, 'after a restart it is where it was')
  writeFileSync(path, '{"version":1,"bo')
  t.equal(open().current?.number, 1)
  t.equal(readFileSync(`${path}.damaged`, 'utf8'), '{"version":1,"bo')
  t.match(troubles.at(-1), /is kept as .*damaged/)
  rmSync(join(fleet.path, 'state'), { recursive: true })
  writeFileSync(join(fleet.path, 'state'), 'no directory')
  const full = open()
  t.ok(full.take(rosters[2]).ok)
  t.equal(full.current?.number, 3, 'a roster that cannot be kept is in force all the same')
  t.match(troubles.at(-1), /in force but was not kept/)
})

t.test('what a peer sent before its revocation counts no more after it', async (t) => {
  const fleet = await trustFleet(t)
  await fleet.provision('device', 'car1', 'car2')
  const { rootKey } = openFleetDirectory(fleet.path)
  const newest = (): Roster => {
    const opened = openRoster(JSON.parse(fleet.read('roster.json')), rootKey, 'demo')
    if (!opened.ok) throw new Error(opened.detail)
    return opened.roster
  }
  let present = newest()
  const key = (id: string): string => fleet.read('members', id, 'signing.key.pem')
  const architecture = { observationSize: 6, actionSize: 1, hidden: [8] }
  const kind = { architecture, ...namesOf('headway') }
  const mailbox = createMailbox(
    'demo',
    kind,
    createRosterIdentity(key('car2'), () => present),
  )
  const car1 = createIdentity(key('car1'), {})
  const sealed = (sequence: number): Uint8Array => {
    const header = { fleet: 'demo', vehicle: 'car1', boot: 1, sequence, updates: 0, time: '', cell: 'all' }
    return sealParams(initialPolicy(architecture, createRng(1, 'x'), 0), header, kind, car1, undefined)
  }
  t.strictSame(mailbox.receive(sealed(1), 'car1'), {})
  const hash = 'f'.repeat(64)
  t.equal(mailbox.held('car1', hash), undefined, 'what it has not sent is waited for')
  await fleet.provision('revoke', 'car1')
  present = newest()
  t.match(mailbox.receive(sealed(2), 'car1'), { refused: { reason: 'revoked' } })
  t.match(mailbox.held('car1', hash), { ok: false, reason: 'revoked' }, 'nobody waits for it')
  t.match(mailbox.held('car1', hash), { authentic: { vehicle: 'car1', boot: 1, sequence: 1 } })
})

t.test('what a broker has retained where nothing is retained is dropped', (t) => {
  const inbox = createInbox((_, work) => work())
  const refused: string[] = []
  inbox.onRefused(({ reason }) => refused.push(reason))
  const heard: string[] = []
  const address = { fleet: 'demo', vehicle: 'd1' }
  inbox.add(channels.status, address, ({ state }) => heard.push(state))
  inbox.add(channels.cmd, address, () => heard.push('a command'))
  const status = Buffer.from('{"version":1,"state":"offline","boot":1,"connection":1}')
  inbox.receive('tm/v1/demo/v/d1/status', status, true)
  const command = Buffer.from(JSON.stringify({ version: 1, body: '{}', signature: `${'A'.repeat(86)}==` }))
  inbox.receive('tm/v1/demo/v/d1/cmd/stop', command, true)
  t.strictSame(heard, ['offline'])
  inbox.receive('tm/v1/demo/v/d1/cmd/stop', command)
  t.strictSame(heard, ['offline', 'a command'])
  t.strictSame(refused, ['stale'])
  t.end()
})
