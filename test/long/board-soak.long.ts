import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as passed } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import t, { type Test } from 'tap'
import { fatOf } from '../../cli/board/fat.ts'
import { machines } from '../../cli/board/machines.ts'
import { type Partition, partitionsOf } from '../../cli/board/partitions.ts'
import { createRng } from '../../device/core/rng.ts'
import { boards } from '../../image/board/boards.ts'
import { makeArm64Root, runForeignPrograms } from '../support/arm64-root.ts'
import { type BoardFleet, startBoardFleet } from '../support/board-fleet.ts'
import { inRoot } from '../support/debian-root.ts'
import { type BoardUnit, createBoardUnit } from '../support/emulated-board.ts'
import { readHilReport, startBin } from '../support/hil.ts'
import { provision } from '../support/packaged-unit.ts'
import { buildPackages, cardTools, debIn, version } from '../support/packages.ts'
import { startProgram } from '../support/program.ts'
import { absent, requireRoot, requireTool } from '../support/require.ts'

/** What takes too long for every day. Command: npm run soak:board [-- --cycles 20] */
const run = promisify(execFile)
const { cycles } = parseArgs({ options: { cycles: { type: 'string', default: '20' } } }).values
/** Longest start that is cut at random, ms. */
const longestStartMs = 60_000
const cardBytes = 2 * 1_024 ** 3

t.setTimeout(14_400_000)

t.test('boards', async (t) => {
  for (const tool of [...cardTools, 'qemu-system-aarch64', 'e2fsck']) if (!requireTool(t, tool)) return
  if (!requireRoot(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'board-soak-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const board of Object.keys(boards)) {
    const built = await buildPackages(['--board', board, '--out', folder])
    t.equal(built.code, 0, built.stderr)
  }
  const image = (board: string): string => join(folder, `trustmix-${version}-${board}.img.zst`)

  await t.test(`virt: ${cycles} starts, each cut off`, async (t) => {
    const fleet = await startBoardFleet(t)
    const card = await makeCard(fleet, image('virt'), join(folder, 'virt.img'))
    const unit = createBoardUnit(t, fleet, { machine: 'virt', card, work: join(folder, 'virt') })
    const rng = createRng(3, 'card', 'cuts', 0)
    await learn(t, unit, fleet)
    for (let cycle = 1; cycle <= Number(cycles); cycle++) {
      // Every other one somewhere in its start, the others when they have learned.
      if (cycle % 2 === 1) {
        const ms = Math.round(longestStartMs * rng.uniform())
        const board = await unit.on()
        await unit.whileOn(board, passed(ms))
        await board.cut()
        t.pass(`cycle ${cycle}: cut ${(ms / 1_000).toFixed(1)} s after power on`)
      } else await learn(t, unit, fleet)
      const data = join(folder, 'data.img')
      await takeOut(card, data)
      const { code, text } = await outcome('e2fsck', ['-f', '-p', data])
      t.ok(code <= 1, `cycle ${cycle}: e2fsck ended with ${code}: ${text}`)
    }
    if (Number(cycles) % 2 === 1) await learn(t, unit, fleet)
  })

  await t.test('raspi3b: to the first verdict', async (t) => {
    const fleet = await startBoardFleet(t)
    const card = await makeCard(fleet, image(machines.raspi3b.board), join(folder, 'pi3.img'))
    const unit = createBoardUnit(t, fleet, { machine: 'raspi3b', card, work: join(folder, 'pi3') })
    const began = performance.now()
    const board = await unit.on()
    await unit.online(board, 0)
    t.match(fleet.statuses.at(-1), { software: `trustmix ${version}, image ${version} pi3` })
    t.match(await board.said(/trustmix: image/), `image ${version} pi3, slot A, host board-1`)
    const drive = fleet.drive()
    await unit.whileOn(
      board,
      fleet.until(() => fleet.verdicts.length > 0),
    )
    t.comment(`first verdict ${seconds(began)} s after power on: ${fleet.verdicts[0]?.reason}`)
    t.not(fleet.verdicts[0]?.reason, 'unknown-peer')
    await drive()
    await board.cut()
  })

  await t.test('trustmix hil with a card on an emulated board', async (t) => {
    const directory = join(folder, 'hil')
    const hil = startBin(t, [
      ...['hil', '--vehicle', 'car01', '--target', 'qemu-virt', '--image', image('virt'), '--hidden', '8,8'],
      ...['--run-dir', directory, '--judge', '--max-memory-mib', '200'],
    ])
    const { code, stdout, stderr } = await hil.ended
    if (!t.equal(code, 0, stdout + stderr)) return
    t.comment(stdout)
    t.match(stdout, /outside faults\s+\(emulated\):\s+not\s+judged/)
    t.match(readHilReport(join(directory, 'report')), { complete: true, passed: true, target: 'qemu-virt' })
    t.notOk(existsSync(join(directory, 'board', 'card.img')))
  })

  await t.test('the arm64 package in a root for arm64, emulated', async (t) => {
    if (!requireTool(t, 'qemu-aarch64-static')) return
    if (!(await runForeignPrograms(t)))
      return absent(t, 'binfmt', 'cannot be had: the kernel runs no programs for arm64')
    const root = join(folder, 'root')
    let began = performance.now()
    await makeArm64Root(root, ['systemd', 'passwd', 'libstdc++6', 'util-linux'])
    t.comment(`the root was made in ${seconds(began)} s`)
    began = performance.now()
    const deb = debIn(folder, 'arm64')
    await run('cp', [deb, join(root, 'trustmix.deb')])
    const installed = await inRoot(root, 'dpkg', '--install', '/trustmix.deb')
    t.equal(installed.code, 0, installed.text)
    t.match((await inRoot(root, 'dpkg-query', '-W', 'trustmix')).text, `trustmix\t${version}`)
    t.match((await inRoot(root, 'uname', '-m')).text, 'aarch64')
    t.comment(`installed in ${seconds(began)} s`)
    t.equal((await inRoot(root, 'stat', '-c', '%U %a', '/var/lib/trustmix')).text, 'trustmix 700\n')
    t.match((await inRoot(root, 'trustmix', '--version')).text, version)

    const unit = await provision(t, root)
    began = performance.now()
    const words = ['chroot', '--userspec=trustmix', root, 'env', '-i', 'PATH=/usr/bin:/bin', 'trustmix', ...unit.device]
    startProgram(t, words)
    await unit.reached('online', 1)
    t.comment(`online ${seconds(began)} s after its start`)
  })
})

/** Switches on, waits until the unit has learned more than before, cuts the power. */
async function learn(t: Test, unit: BoardUnit, fleet: BoardFleet): Promise<void> {
  const before = unit.updates()
  const after = Math.max(0, ...fleet.statuses.map(({ boot }) => boot))
  const board = await unit.on()
  const boot = await unit.online(board, after)
  const kept = fleet.statuses.at(-1)?.updates ?? 0
  t.ok(kept >= before - 2, `start ${boot}: ${before} updates were told of, ${kept} are there`)
  const drive = fleet.drive()
  await unit.whileOn(
    board,
    fleet.until(() => unit.updates() > Math.max(before, kept)),
  )
  await board.cut()
  await drive()
}

async function makeCard(fleet: BoardFleet, image: string, card: string): Promise<string> {
  await run('zstd', ['-q', '-f', '-d', '--sparse', image, '-o', card])
  truncateSync(card, cardBytes)
  await fatOf(card, partitionsOf(card).get(1) as Partition).put(fleet.unitFile, 'trustmix-provision.json')
  return card
}

/** A copy of the data partition, which is looked at as a power cut left it. */
async function takeOut(card: string, into: string): Promise<void> {
  const { start } = partitionsOf(card).get(7) as Partition
  const from = [`if=${card}`, `skip=${start}`, 'iflag=skip_bytes']
  await run('dd', [...from, `of=${into}`, 'bs=1M', 'conv=sparse', 'status=none'])
  truncateSync(into, statSync(card).size - start)
}

function outcome(program: string, args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
    )
  })
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(0)
}
