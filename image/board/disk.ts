import { mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../tool.ts'
import type { Board, BoardName } from './boards.ts'
import type { BootParts } from './finish-root.ts'
import type { UpdateKey } from './update-bundle.ts'

/** Where a partition lies on a card, MiB. */
interface Extent {
  readonly start: number
  readonly size: number
}

/**
 * A card of 1 GiB (QEMU's raspi3b wants a power of two): p1 names the boot partition; p2 and p3 hold a kernel each, p5 and p6 the
 * system that belongs to it; p4 is the extended partition around the rest; p7 holds all that a unit writes, and grows to the
 * end of the card when it first starts. p3 and p6 are empty until there is an update.
 */
export const sizeMiB = 1_024
export const layout = {
  selector: { start: 4, size: 32 },
  bootA: { start: 36, size: 96 },
  bootB: { start: 132, size: 96 },
  extended: { start: 228, size: sizeMiB - 228 },
  rootA: { start: 229, size: 250 },
  rootB: { start: 480, size: 250 },
  data: { start: 731, size: sizeMiB - 731 },
} as const satisfies Record<string, Extent>

/** Name of the data partition, by which the initrd finds the card. */
export const dataLabel = 'trustmix-data'

export interface DiskOptions {
  readonly name: BoardName
  readonly board: Board
  /** Of the unit's package. */
  readonly version: string
  /** Whose key signs updates. */
  readonly updateKey: UpdateKey
  readonly parts: BootParts
  readonly initrd: Buffer
  readonly root: string
  readonly work: string
  readonly epochS: number
  readonly stage: <T>(name: string, work: Promise<T>) => Promise<T>
}

/** Paths of what was composed; boot and system are also what an update bundle holds. */
export interface Composed {
  readonly image: string
  readonly boot: string
  readonly system: string
}

/** Composes the card without loop devices and mounts. The same bytes for the same content. */
export async function composeDisk(options: DiskOptions): Promise<Composed> {
  const { root, work, epochS, stage } = options
  const image = join(work, 'card.img')
  const system = join(work, 'root.squashfs')
  await stage('system', squash(root, system, epochS))
  const write = async (): Promise<Composed> => {
    const selector = await fat(options, 'selector', 'TRUSTMIX', selectorFiles(options))
    const boot = await fat(options, 'bootA', 'TM-BOOT-A', bootFiles(options))
    const data = await ext4(options)
    writeFileSync(image, '')
    truncateSync(image, sizeMiB * 1_048_576)
    await runTool('sfdisk', ['--quiet', image], { from: 'fdisk', input: table() })
    for (const [file, { start, size }] of [
      [selector, layout.selector],
      [boot, layout.bootA],
      [system, layout.rootA],
      [data, layout.data],
    ] as const) {
      const found = statSync(file).size / 1_048_576
      if (found > size) throw new Error(`${file} must fit into ${size} MiB, got ${found.toFixed(1)}`)
      await runTool(
        'dd',
        [`if=${file}`, `of=${image}`, 'bs=1M', `seek=${start}`, 'conv=sparse,notrunc', 'status=none'],
        {
          from: 'coreutils',
        },
      )
    }
    for (const file of [selector, data]) rmSync(file)
    return { image, boot, system }
  }
  return stage('partitions', write())
}

async function squash(root: string, out: string, epochS: number): Promise<void> {
  const time = String(epochS)
  await runTool(
    'mksquashfs',
    [
      ...[root, out, '-noappend', '-no-progress', '-quiet', '-comp', 'zstd', '-Xcompression-level', '6', '-b', '256K'],
      ...['-no-xattrs', '-all-time', time, '-mkfs-time', time],
    ],
    // It refuses to be given the same time twice.
    { from: 'squashfs-tools', without: ['SOURCE_DATE_EPOCH'] },
  )
}

/** As `sfdisk` reads it; the numbers name nothing, they are only the same every time. */
function table(): string {
  const line = ({ start, size }: Extent, type: string): string => `start=${start}MiB, size=${size}MiB, type=${type}`
  return [
    ...['label: dos', 'label-id: 0x74726d78', 'unit: sectors', ''],
    `${line(layout.selector, 'c')}, bootable`,
    ...[line(layout.bootA, 'c'), line(layout.bootB, 'c'), line(layout.extended, '5')],
    ...[line(layout.rootA, '83'), line(layout.rootB, '83'), line(layout.data, '83'), ''],
  ].join('\n')
}

function selectorFiles({ parts, name, version, updateKey }: DiskOptions): Map<string, string | Buffer> {
  // What `trustmix flash` reads before it writes.
  const facts = { version: 1, software: `trustmix ${version}`, board: name, updateKey }
  return new Map<string, string | Buffer>([
    ['trustmix-image.json', `${JSON.stringify(facts)}\n`],
    ['autoboot.txt', '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n'],
    ['config.txt', '# The boot partition (autoboot.txt) has the one that counts.\narm_64bit=1\n'],
    ...(parts.bootcode ? ([['bootcode.bin', parts.bootcode]] as const) : []),
  ])
}

function bootFiles({ name, board, parts, initrd }: DiskOptions): Map<string, string | Buffer> {
  const config = [
    ...['arm_64bit=1', 'kernel=vmlinuz', 'initramfs initrd.img followkernel', 'upstream_kernel=1', 'enable_uart=1'],
    ...['disable_splash=1', 'boot_delay=0', ''],
  ]
  const words = [
    ...[`console=${board.console}`, 'quiet', 'loglevel=4', 'systemd.show_status=0', 'net.ifnames=0'],
    // Panics before the watchdog is fed end too.
    ...['panic=60', `trustmix.board=${name}`, 'trustmix.slot=A', 'rauc.slot=A'],
  ]
  return new Map<string, string | Buffer>([
    ['config.txt', config.join('\n')],
    ['cmdline.txt', `${words.join(' ')}\n`],
    ['vmlinuz', parts.kernel],
    ['initrd.img', initrd],
    ...parts.firmware,
    ...parts.deviceTrees,
  ])
}

async function fat(
  { work, epochS }: DiskOptions,
  name: 'selector' | 'bootA',
  label: string,
  files: ReadonlyMap<string, string | Buffer>,
): Promise<string> {
  const [image, folder] = [join(work, `${name}.img`), join(work, name)]
  mkdirSync(folder)
  writeFileSync(image, '')
  truncateSync(image, layout[name].size * 1_048_576)
  await runTool('mkfs.vfat', ['--invariant', '-F', name === 'selector' ? '16' : '32', '-n', label, image], {
    from: 'dosfstools',
  })
  const environment = { SOURCE_DATE_EPOCH: String(epochS), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' }
  for (const [file, content] of files) {
    writeFileSync(join(folder, file), content)
    await runTool('touch', ['--date', `@${epochS}`, join(folder, file)], { from: 'coreutils' })
    await runTool('mcopy', ['-m', '-i', image, join(folder, file), `::${file}`], { from: 'mtools', environment })
  }
  return image
}

/** Empty: what belongs there is made when a unit first starts. */
async function ext4({ work, epochS }: DiskOptions): Promise<string> {
  const image = join(work, 'data.img')
  writeFileSync(image, '')
  truncateSync(image, layout.data.size * 1_048_576)
  const uuid = '74727573-746d-4978-8000-646174610000'
  // Room to grow online to a card of 256 GB.
  const extended = [`hash_seed=${uuid}`, 'lazy_itable_init=0', 'lazy_journal_init=0', 'nodiscard', 'resize=67108864']
  await runTool('mkfs.ext4', ['-q', '-F', '-b', '4096', '-L', dataLabel, '-U', uuid, '-E', extended.join(), image], {
    from: 'e2fsprogs',
    environment: { E2FSPROGS_FAKE_TIME: String(epochS), SOURCE_DATE_EPOCH: String(epochS) },
  })
  return image
}
