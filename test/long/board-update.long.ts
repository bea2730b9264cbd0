import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type BoardProcess, boardSees, startBoard } from '../../cli/board/emulator.ts'
import { fatOf } from '../../cli/board/fat.ts'
import { type Partition, partitionsOf } from '../../cli/board/partitions.ts'
import type { Status } from '../../schemas/status.ts'
import { startBoardFleet, unit } from '../support/board-fleet.ts'
import { answer } from '../support/cli.ts'
import { version } from '../support/packages.ts'
import { requireRoot, requireTool } from '../support/require.ts'
import { makeBundles, seconds, serveBundles } from '../support/update-bundles.ts'

/** Updates of a card on an emulated arm64 board (QEMU's virt), the test being its firmware. Command: npm run test:board-update */
const tools = ['mmdebstrap', 'mksquashfs', 'unsquashfs', 'mcopy', 'sfdisk', 'zstd', 'rauc', 'openssl']
/** An emulated processor that has to wait for other work is not to be taken for one that stands still. */
const patient = 'systemd.watchdog_sec=120'

const spyUnit = `[Service]
ExecStart=/bin/sh -c 'setpriv --reuid=900 --regid=900 --clear-groups busctl call de.pengutronix.rauc / de.pengutronix.rauc.Installer GetPrimary >/dev/console 2>&1; echo spy ended with $$? >/dev/console'
`
/** Words by which a firmware has the unit's own user ask RAUC for something. */
const spyWords = `systemd.set_credential_binary=systemd.extra-unit.spy.service:${Buffer.from(spyUnit).toString('base64')} systemd.wants=spy.service`

t.setTimeout(5_400_000)

t.test('updates', async (t) => {
  for (const tool of [...tools, 'qemu-system-aarch64']) if (!requireTool(t, tool)) return
  if (!requireRoot(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'board-update-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = (...names: string[]): string => join(folder, ...names)
  const card = at('card.img')
  const served = await makeBundles(t, at)

  const fleet = await startBoardFleet(t, { update: { hosts: [`${boardSees.host}:${boardSees.updatePort}`] } })
  const updatePort = await serveBundles(t, fleet.trust, served)
  const selector = partitionsOf(card).get(1) as Partition
  await fatOf(card, selector).put(fleet.unitFile, 'trustmix-provision.json')

  let began = 0
  const on = async (words = ''): Promise<BoardProcess> => {
    began = performance.now()
    const on = { machine: 'virt', card, work: at('firmware'), port: fleet.port, updatePort } as const
    const board = await startBoard({ ...on, words: `${patient} ${words}`.trim() })
    t.teardown(board.cut)
    return board
  }
  const onWhile = <T>({ off, lines }: BoardProcess, wait: Promise<T>): Promise<T> =>
    Promise.race([wait, off.then((events) => Promise.reject(new Error(`${events.join('; ')}\n${lines().join('\n')}`)))])
  /** The first status that comes from now on and holds. */
  const next = (board: BoardProcess, rule: (status: Status) => boolean, boot = 0): Promise<Status> => {
    const from = fleet.statuses.length
    const found = () => fleet.statuses.slice(from).find((status) => status.boot >= boot && rule(status))
    return onWhile(
      board,
      fleet.until(() => found() !== undefined),
    ).then(() => found() as Status)
  }
  const online = async (board: BoardProcess, boot: number): Promise<Status> => {
    const status = await next(board, ({ state }) => state === 'online', boot)
    t.comment(
      `start ${boot} of partition ${board.partition}: online after ${seconds(began)}; ${JSON.stringify(status.update)}`,
    )
    return status
  }
  const command = (name: string): Promise<Record<string, unknown>> => {
    const own = (file: string): string => join(fleet.trust.path, 'members', 'ann', file)
    const bundle = `https://${boardSees.host}:${boardSees.updatePort}/${name}`
    return answer(t, [
      ...['command', unit, 'update', '--broker', fleet.url, '--ca-file', join(fleet.trust.path, 'ca.pem')],
      ...['--cert-file', own('tls.pem'), '--key-file', own('tls.key.pem'), '--operator', 'ann'],
      ...['--key', own('signing.key.pem'), '--timeout-ms', '60000'],
      ...['--bundle', bundle, '--sha256', digest(join(served, name))],
    ])
  }
  const counts = async (): Promise<string> => fatOf(card, selector).read('autoboot.txt')
  const [countsA, countsB] = [/\[all\]\s[^[]*boot_partition=2/, /\[all\]\s[^[]*boot_partition=3/]

  const first = await on(spyWords)
  t.equal(first.partition, 2)
  await online(first, 1)
  const stopDriving = fleet.drive()
  await onWhile(
    first,
    fleet.until(() => (fleet.told.at(-1)?.updates ?? 0) >= 2),
  )
  await stopDriving()

  await t.test('the unit itself cannot install', async (t) => {
    t.match(await first.said(/spy ended with \d/), /spy ended with 1/)
    t.match(first.lines().join('\n'), /Access denied|AccessDenied|not permitted|rejected send message/i)
  })

  await t.test('what is no good is refused with its reason, and the unit drives on', async (t) => {
    for (const [name, reason] of [
      ['tampered', 'damaged'],
      ['truncated', 'not-a-bundle'],
      ['wrong-key', 'untrusted'],
      ['downgrade', 'downgrade'],
      ['wrong-board', 'wrong-board'],
    ] as const) {
      const asked = performance.now()
      const before = JSON.stringify(fleet.statuses.at(-1)?.update)
      const told = next(first, ({ update }) => JSON.stringify(update) !== before)
      t.match(await command(`${name}.raucb`), { result: 'done' })
      const { update, state } = await told
      t.comment(`${name}: ${seconds(asked)}: ${update?.reason}: ${update?.detail}`)
      t.match({ update, state }, { state: 'online', update: { state: 'refused', reason } })
    }
    t.match(await counts(), countsA)
  })

  /** Waits until the board starts again; a status that must not come is an error. */
  const restarts = async (board: BoardProcess, wrong: (status: Status) => boolean): Promise<void> => {
    const from = fleet.statuses.length
    const found = () => fleet.statuses.slice(from).find(wrong)
    const early = fleet.until(() => found() !== undefined)
    await Promise.race([
      board.off,
      early.then(() => Promise.reject(new Error(`${JSON.stringify(found())}\n${board.lines().join('\n')}`))),
    ])
  }
  /** Has an update tried, from the command to the restart. */
  const tried = async (board: BoardProcess, name: string): Promise<void> => {
    const asked = performance.now()
    const before = JSON.stringify(fleet.statuses.at(-1)?.update)
    t.match(await command(name), { result: 'done' })
    await restarts(board, ({ state, update }) => state === 'online' && JSON.stringify(update) !== before)
    t.comment(`${name}: restart ${seconds(asked)} after the command`)
    t.match(await counts(), countsA, 'to try is not to commit')
  }

  await tried(first, 'no-system.raucb')
  const second = await on()
  t.equal(second.partition, 3, 'the other slot is tried')
  await restarts(second, ({ state }) => state === 'online')
  t.comment(`a slot without a system: restart after ${seconds(began)}`)
  const third = await on()
  t.equal(third.partition, 2, 'and only once')
  t.match((await online(third, 2)).update, { state: 'returned', reason: 'not-started' })

  await tried(third, 'bad.raucb')
  const fourth = await on()
  t.equal(fourth.partition, 3)
  await restarts(fourth, ({ state }) => state === 'online')
  t.comment(`a system that is not good: restart after ${seconds(began)}`)
  t.match(fourth.lines().join('\n'), /arithmetic: the mean of case-2 must be/)
  const fifth = await on()
  t.equal(fifth.partition, 2)
  const returned = await online(fifth, 3)
  t.match(returned.update, { state: 'returned', reason: 'arithmetic', detail: /the mean of case-2 must be/ })

  const known = returned.updates ?? 0
  await tried(fifth, `good.raucb`)
  const sixth = await on()
  t.equal(sixth.partition, 3)
  const good = await online(sixth, 4)
  t.match(good.update, { state: 'good' })
  t.equal(good.updates, known, 'it goes on with what it had learned')
  t.match(await sixth.said(/trustmix: image/), `image ${version} virt, slot B, host board-1`)
  const stopAgain = fleet.drive()
  await onWhile(
    sixth,
    fleet.until(() => (fleet.told.at(-1)?.updates ?? 0) > known),
  )
  await stopAgain()
  await sixth.cut()
  t.match(await counts(), countsB, 'its slot counts from now on')
})

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
