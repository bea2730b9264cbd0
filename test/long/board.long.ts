import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import t, { type Test } from 'tap'
import { fatOf } from '../../cli/board/fat.ts'
import { type Partition, partitionsOf } from '../../cli/board/partitions.ts'
import { configuredArchitecture } from '../../device/process.ts'
import { defaultConfig } from '../../schemas/config.ts'
import { type BoardFleet, hidden, startBoardFleet, unit } from '../support/board-fleet.ts'
import { answer } from '../support/cli.ts'
import { type Crash, crashPoints, replayCrashes } from '../support/crash-points.ts'
import { createBoardUnit, panic, panicWords } from '../support/emulated-board.ts'
import { buildPackages, cardTools, version } from '../support/packages.ts'
import { requireRoot, requireTool } from '../support/require.ts'
import { entriesWithin, readWriteLog } from '../support/write-log.ts'

/** A card: built, booted on an emulated arm64 board, cut off, booted again. Command: npm run test:board */
const boardTools = [...cardTools, 'qemu-system-aarch64', 'e2fsck', 'debugfs']
const run = promisify(execFile)
/** Size of the emulated card, larger than the image. */
const cardBytes = 2 * 1_024 ** 3
const seed = 11

t.setTimeout(3_600_000)

t.test('what cannot be built is refused with its rule', async (t) => {
  const refused = async (code: number, words: RegExp, args: readonly string[]) => {
    const { stderr, ...ended } = await buildPackages(args)
    t.equal(ended.code, code, args.join(' '))
    t.match(stderr, words)
  }
  await refused(2, /--board must be one of pi3, pi4, pi5, virt, got pi9/, ['--board', 'pi9'])
  await refused(2, /--deb-only must stand without --board, got both/, ['--deb-only', '--board', 'pi4'])
  await refused(2, /--arch must be arm64 for a card, got amd64/, ['--board', 'pi4', '--arch', 'amd64'])
  await refused(2, /--mirror must be the address of a mirror of Debian, got here/, ['--mirror', 'here'])
})

t.test('a card', async (t) => {
  for (const tool of boardTools) if (!requireTool(t, tool)) return
  if (!requireRoot(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'board-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = (...names: string[]): string => join(folder, ...names)
  const name = `trustmix-${version}-virt`
  const cached = ['--board', 'virt', '--cache', at('cache')]
  const watch = stopwatch(t)
  const built = await buildPackages([...cached, '--out', at('first')])
  t.equal(built.code, 0, built.stderr)
  t.comment(built.stderr.match(/^.*: [\d.]+ s$/gm)?.join('; '))
  const original = at('original.img')
  await run('zstd', ['-q', '-d', at('first', `${name}.img.zst`), '-o', original])
  watch('the card was built')

  // Beside the board, which does not keep two processors busy all the time.
  const bill = at('first', `${name}.cdx.json`)
  const again = buildPackages([...cached, '--out', at('second'), '--packages-from', bill], { TZ: 'Asia/Tokyo' }).then(
    async ({ code, stderr }) => {
      t.equal(code, 0, stderr)
      await run('zstd', ['-q', '-d', at('second', `${name}.img.zst`), '-o', at('second.img')])
      watch('it was built again')
    },
  )
  again.catch(() => {})

  await t.test('is small enough, and its bill names every package of Debian with its content', async (t) => {
    const { stdout } = await run('stat', ['-c', '%s', at('first', `${name}.img.zst`)])
    t.ok(Number(stdout) <= 180e6, `${(Number(stdout) / 1e6).toFixed(1)} MB compressed`)
    await run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: at('first') })
    const text = readFileSync(at('first', `${name}.cdx.json`), 'utf8')
    t.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), null)
    const debs = (await run('ls', [at('cache')])).stdout.trim().split('\n')
    const sums = (await run('sha256sum', debs, { cwd: at('cache') })).stdout.trim().split('\n')
    const { components } = JSON.parse(text) as { components: { purl: string; hashes?: { content: string }[] }[] }
    const named = components.flatMap(({ purl, hashes }) =>
      purl.includes('deb/debian/') ? (hashes?.[0]?.content ?? '') : [],
    )
    t.same(named.sort(), sums.map((line) => line.slice(0, 64)).sort())
    t.ok(named.length > 80, `${named.length} packages`)
  })

  await t.test('boots, learns, and survives power cuts and a kernel that stands still', async (t) => {
    const fleet = await startBoardFleet(t)
    const [card, before, log] = [at('card.img'), at('before.img'), at('writes.log')]
    await run('cp', ['--sparse=always', original, before])
    truncateSync(before, cardBytes)
    const selector = partitionsOf(before).get(1) as Partition
    await fatOf(before, selector).put(fleet.unitFile, 'trustmix-provision.json')
    await run('cp', ['--sparse=always', before, card])
    writeFileSync(log, '')
    const board = createBoardUnit(t, fleet, { machine: 'virt', card, work: at('firmware') })

    const first = await board.on({ writeLog: log })
    fleet.logOf(log)
    t.equal(first.partition, 2)
    t.equal(await board.online(first, 0), 1)
    t.match(fleet.statuses.at(-1), { software: `trustmix ${version}, image ${version} virt`, run: 'road' })
    const firstDrive = fleet.drive()
    await board.whileOn(
      first,
      fleet.until(() => fleet.verdicts.length > 0),
    )
    watch(`first verdict: ${fleet.verdicts[0]?.reason}`)
    t.not(fleet.verdicts[0]?.reason, 'unknown-peer', 'it knows the other by its roster')
    await board.whileOn(
      first,
      fleet.until(() => board.updates() >= 8),
    )
    await first.said(/trustmix: trustmix-provision\.json was taken from the card/)
    t.match(await first.said(/trustmix: image/), `image ${version} virt, slot A, host board-1`)
    await first.cut()
    await firstDrive()
    fleet.logOf(undefined)
    watch('eight updates, and the first cut')
    const crashes = replayAll(fleet, { log, before, work: at('crash') })
    crashes.catch(() => {})

    t.notOk((await fatOf(card, selector).names()).includes('trustmix-provision.json'), 'others cannot read it there')
    const last = partitionsOf(card).get(7) as Partition
    const left = cardBytes - last.start - last.size
    t.ok(left < 1_048_576, `the card is used to its end: ${left} bytes are left`)

    const known = board.updates()
    const second = await board.on()
    t.equal(await board.online(second, 1), 2)
    t.ok((fleet.statuses.at(-1)?.updates ?? 0) >= known - 2, 'it goes on with what it had learned')
    await second.cut()
    watch('the second start')

    await answer(t, ['flash', '--factory-reset', card])
    const third = await board.on({ words: panicWords })
    await third.said(/trustmix: what was learned is forgotten/)
    t.equal(await board.online(third, 2), 3)
    t.equal(fleet.statuses.at(-1)?.updates, 0, 'identity and counter of starts are kept, learning is not')
    t.notOk((await fatOf(card, selector).names()).includes('trustmix-factory-reset'))
    const secondDrive = fleet.drive()
    await board.whileOn(
      third,
      fleet.until(() => board.updates() > 0 && board.updates() < known),
    )
    await secondDrive()
    watch('the third start, without what was learned, and an update')
    await panic(third)
    const events = await third.off
    t.ok(
      events.some((event) => /^WATCHDOG .*"reset"/.test(event)),
      `the watchdog has reset the board: ${events.join('; ')}`,
    )
    watch('a kernel that stood still was reset')
    const learned = board.updates()
    const fourth = await board.on()
    t.equal(await board.online(fourth, 3), 4)
    const kept = fleet.statuses.at(-1)?.updates ?? 0
    t.ok(kept >= learned - 2, `${learned} updates were told of, ${kept} are there`)
    const lastDrive = fleet.drive()
    await board.whileOn(
      fourth,
      fleet.until(() => board.updates() > learned),
    )
    await lastDrive()
    await fourth.cut()
    watch('the fourth start, and it learns on')

    await t.test('a cut at any of 200 points leaves a file system and a checkpoint', async (t) => {
      const { points, entries, found } = await crashes
      const marks = fleet.told.filter(({ logged }) => logged > 0)
      const counts = { repaired: 0, learned: 0, behind: 0 }
      for (const { point, check, updates, notes, configured, files } of found) {
        if (check.code > 1) t.fail(`point ${point}: e2fsck ended with ${check.code}: ${check.text}`)
        counts.repaired += check.code
        const at = marks.filter(({ logged }) => entriesWithin(entries, logged) <= point)
        const due = Math.max(0, ...at.map(({ updates }) => updates))
        if (due > 0) counts.learned++
        counts.behind = Math.max(counts.behind, due - updates)
        if (!(due - updates <= 2))
          t.fail(`point ${point}: ${due} updates were told of, found ${updates} (${notes.join('; ')})`)
        if (due > 0 && !configured) t.fail(`point ${point}: the unit's identity is gone (${files.join(' ')})`)
      }
      t.equal(points.length, 200)
      t.equal(found.length, 200)
      t.ok(counts.learned >= 20, `${counts.learned} of the points lie behind the first update`)
      t.comment(`${entries.length} entries; ${JSON.stringify(counts)}`)
      watch('all cuts were replayed')
    })
  })

  await t.test('built again from the packages of its bill it is the same, bit for bit', async (t) => {
    await again
    t.equal(await digest(at('second.img')), await digest(original))
    t.equal(readFileSync(at('second', `${name}.cdx.json`), 'utf8'), readFileSync(bill, 'utf8'))
  })
  watch('all')
})

/** All crash points, to be looked at later: they are replayed beside the board's next starts. */
async function replayAll(fleet: BoardFleet, { log, before, work }: { log: string; before: string; work: string }) {
  const entries = readWriteLog(log)
  const data = partitionsOf(before).get(7) as Partition
  const points = crashPoints(200, entries.length, seed)
  const engine = fleet.statuses.find(({ state }) => state === 'online')?.engine ?? ''
  const architecture = JSON.stringify(configuredArchitecture({ ...defaultConfig, hidden }))
  const found: (Omit<Crash, 'checkpoint'> & { updates: number })[] = []
  for await (const { checkpoint, ...crash } of replayCrashes({
    ...{ log, entries, before, points, seed, work, data: { ...data, size: cardBytes - data.start } },
    owner: { vehicle: unit, seed: defaultConfig.seed, engine, architecture },
  }))
    found.push({ ...crash, updates: checkpoint?.updates ?? 0 })
  return { points, entries, found }
}

/** Says at each mark how many seconds have passed since the one before, and since the beginning. */
function stopwatch(t: Test): (mark: string) => void {
  const began = performance.now()
  let last = began
  return (mark) => {
    const now = performance.now()
    t.comment(`${mark}: ${((now - last) / 1_000).toFixed(0)} s, ${((now - began) / 1_000).toFixed(0)} s in all`)
    last = now
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
