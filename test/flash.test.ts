import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fatOf } from '../cli/board/fat.ts'
import { disksOf, refusalOf } from '../cli/flash/devices.ts'
import { refuses, run } from './support/cli.ts'
import { requireTool } from './support/require.ts'
import { formatFirst, makeImage, start } from './support/small-image.ts'
import { trustFleet } from './support/trust-fleet.ts'

const marker = 'trustmix-factory-reset'

async function flash(...args: string[]): Promise<Record<string, unknown>> {
  const { printed } = await run(['flash', ...args, '--json'])
  return JSON.parse(printed.at(-1) ?? '') as Record<string, unknown>
}

t.test('an image is written, read back and provisioned, compressed or not', async (t) => {
  if (!requireTool(t, 'mcopy') || !requireTool(t, 'zstd')) return
  const image = makeImage(t, 'a fingerprint')
  execFileSync('zstd', ['-q', image])
  const fleet = await trustFleet(t, join(t.testdirName, 'fleet'))
  const units = join(fleet.path, 'units')
  await fleet.provision('device', 'car01', '--units', units, '--broker', 'mqtts://hub:8883', '--run', 'r1')
  const unit = join(units, 'car01', 'trustmix-provision.json')
  const bytes = statSync(image).size
  const sha256 = createHash('sha256').update(readFileSync(image)).digest('hex')
  for (const from of [image, `${image}.zst`]) {
    const card = join(t.testdirName, 'card.img')
    const told = await flash(from, '--to-file', card)
    t.same(told, {
      ...{ target: card, bytes, sha256, verified: true },
      ...{ version: 1, software: 'trustmix 9.9.9', board: 'virt', updateKey: 'a fingerprint' },
    })
    t.ok(readFileSync(card).equals(readFileSync(image)))
    await flash(from, '--to-file', card, '--provision', unit)
    const put = execFileSync('mtype', ['-i', `${card}@@${512 * start}`, '::trustmix-provision.json'], {
      encoding: 'utf8',
    })
    t.equal(put, readFileSync(unit, 'utf8'))
  }
})

t.test('what is damaged, not ours, or open to everybody is refused before a byte is written', async (t) => {
  if (!requireTool(t, 'mcopy') || !requireTool(t, 'zstd')) return
  const image = makeImage(t, 'development')
  const card = join(t.testdirName, 'card.img')
  const onto = ['--to-file', card]
  await refuses(t, 2, /must not take updates that everybody can sign unless --development is given/, [
    'flash',
    image,
    ...onto,
  ])
  t.notOk(statSync(card, { throwIfNoEntry: false }))
  t.match(await flash(image, ...onto, '--development'), { updateKey: 'development' })

  const sums = join(t.testdirName, 'SHA256SUMS')
  writeFileSync(sums, `${'0'.repeat(64)}  small.img\n`)
  await refuses(t, 4, /must have the SHA-256 0+ of SHA256SUMS/, ['flash', image, ...onto, '--development'])
  writeFileSync(sums, '')
  execFileSync('zstd', ['-q', image])
  const zipped = readFileSync(`${image}.zst`)
  const cut = join(t.testdirName, 'cut.img.zst')
  writeFileSync(cut, zipped.subarray(0, zipped.length - 40))
  await refuses(t, 4, /zstd|whole sectors|FAT/, ['flash', cut, ...onto, '--development'])
  writeFileSync(cut, Buffer.concat([Buffer.from('no zstd'), zipped]))
  await refuses(t, 4, /must be compressed with zstd, got the bytes 6e6f207a/, ['flash', cut, ...onto])
  const empty = join(t.testdirName, 'empty.img')
  writeFileSync(empty, Buffer.alloc(1_048_576))
  await refuses(t, 4, /must have a partition table at byte 0, got none/, ['flash', empty, ...onto])
  writeFileSync(empty, Buffer.alloc(1_000))
  await refuses(t, 4, /whole sectors of 512 bytes, got 1000/, ['flash', empty, ...onto])

  await refuses(t, 2, /flash needs IMAGE and either DEVICE or --to-file/, ['flash', image])
  await refuses(t, 2, /DEVICE must be one of .*, got \/dev\/nothing/, ['flash', image, '/dev/nothing'])
  await refuses(t, 2, /IMAGE must be a file/, ['flash', join(t.testdirName, 'absent'), ...onto])
  await refuses(t, 2, /--provision must be a unit file/, ['flash', image, ...onto, '--provision', image])
})

t.test('the learning of a card is forgotten on demand; other cards are left alone', async (t) => {
  if (!requireTool(t, 'mcopy')) return
  const card = makeImage(t, 'a fingerprint')
  const fat = fatOf(card, { start: 512 * start })
  const names = await fat.names()
  t.same(await flash('--factory-reset', card), {
    ...{ target: card, factoryReset: true },
    ...{ version: 1, software: 'trustmix 9.9.9', board: 'virt', updateKey: 'a fingerprint' },
  })
  t.same((await fat.names()).sort(), [...names, marker].sort())
  t.equal(await fat.read(marker), '')
  const setup = readFileSync(new URL('../../image/files/board/setup', import.meta.url), 'utf8')
  t.match(setup, `[ -e "$mounted/${marker}" ]`, 'it is what a board looks for')

  const asked = (...more: string[]) => ['flash', ...more, '--factory-reset', card]
  await refuses(t, 2, /--factory-reset must stand without an image and its options, got other.img/, asked('other.img'))
  await refuses(t, 2, /--factory-reset must stand without an image and its options, got yes/, [...asked(), '--yes'])
  await refuses(t, 2, /DEVICE must be one of .*, got \/dev\/nothing/, ['flash', '--factory-reset', '/dev/nothing'])
  const other = join(t.testdirName, 'other.img')
  const record = readFileSync(card).subarray(0, 512)
  writeFileSync(other, record)
  truncateSync(other, statSync(card).size)
  formatFirst(other)
  const before = readFileSync(other)
  await refuses(t, 4, /trustmix-image\.json/, ['flash', '--factory-reset', other])
  record.writeUInt8(0x83, 450)
  writeFileSync(join(t.testdirName, 'linux.img'), record)
  await refuses(t, 4, /must begin with a FAT partition, got type 131 at 1048576/, [
    'flash',
    '--factory-reset',
    join(t.testdirName, 'linux.img'),
  ])
  t.ok(readFileSync(other).equals(before), 'nothing was written to it')
})

t.test('only what can be taken out, is not in use and is large enough is written', async (t) => {
  const disk = (path: string, more: object): object => ({
    ...{ path, size: 32e9, rm: false, hotplug: false, ro: false, type: 'disk', model: 'Card ', tran: null },
    ...{ mountpoints: [null] },
    ...more,
  })
  const part = (mountpoint: string | null): object => disk('/dev/sdb1', { type: 'part', mountpoints: [mountpoint] })
  const disks = disksOf(
    JSON.stringify({
      blockdevices: [
        disk('/dev/sda', { children: [part('/')] }),
        disk('/dev/sdb', { hotplug: true, tran: 'usb', children: [part(null), part('/media/card')] }),
        disk('/dev/sdc', { rm: true, children: [part(null)] }),
        disk('/dev/sdd', { rm: true, ro: true }),
        disk('/dev/sde', { rm: true, size: 0 }),
        disk('/dev/mmcblk0', {}),
        disk('/dev/nvme0n1', {}),
        disk('/dev/loop0', { type: 'loop' }),
      ],
    }),
  )
  t.same(
    disks.map((one) => refusalOf(one, 2e9, false) ?? `${one.path} ${one.model}`),
    [
      '/dev/sda must not be mounted, got /',
      '/dev/sdb must not be mounted, got /media/card',
      '/dev/sdc Card',
      '/dev/sdd must be writable, got a read-only disk',
      '/dev/mmcblk0 Card',
      '/dev/nvme0n1 must be removable unless --force is given, got a fixed disk',
    ],
  )
  const [mounted, , card, , , fixed] = disks
  t.match(refusalOf(card!, 33e9, true), /at least 33000000000 bytes, got 32000000000/)
  t.equal(refusalOf(fixed!, 2e9, true), undefined)
  t.match(refusalOf(mounted!, 2e9, true), /must not be mounted/, 'nothing forces that')
})

t.test('without arguments it lists the disks of this machine', async (t) => {
  if (!requireTool(t, 'lsblk')) return
  const told = await flash()
  t.equal(told.version, 1)
  t.ok(Array.isArray(told.disks))
})
