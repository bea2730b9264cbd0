import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import { type Fat, fatOf } from './fat.ts'
import { partitionsOf } from './partitions.ts'

/** What a firmware starts, as files, and the words for the kernel. */
export interface Boot {
  /** Number of the boot partition. */
  readonly partition: number
  readonly kernel: string
  readonly initrd: string
  /** Description of the board; undefined where none was asked for. */
  readonly deviceTree: string | undefined
  readonly words: string
}

/**
 * What the first program of a Pi does with a card: the first partition's `autoboot.txt` names the boot partition, whose
 * `config.txt` names the rest, and the device tree if one is asked for; the files are copied into a folder. ExitError 4 where
 * the card lacks one.
 */
export async function chooseBoot(image: string, into: string, deviceTree?: string): Promise<Boot> {
  const partitions = partitionsOf(image)
  const part = (number: number): Fat => {
    const found = partitions.get(number)
    if (!found) throw new ExitError('damaged', `${image} must have partition ${number}`)
    return fatOf(image, found)
  }
  const first = part(1)
  const sections = (await first.read('autoboot.txt')).split(/^\[(\w+)\]$/m)
  const section = sections[sections.indexOf((await takeTryboot(first)) ? 'tryboot' : 'all') + 1] ?? ''
  const partition = Number(/^boot_partition=(\d)$/m.exec(section)?.[1])
  const boot = part(partition)
  const config = await boot.read('config.txt')
  const copied = async (name: string, as: string): Promise<string> => {
    const path = join(into, as)
    await boot.copyOut(name, path)
    return path
  }
  return {
    partition,
    kernel: await copied(/^kernel=(\S+)$/m.exec(config)?.[1] ?? 'kernel8.img', 'kernel'),
    initrd: await copied(/^initramfs (\S+) followkernel$/m.exec(config)?.[1] ?? 'initrd', 'initrd'),
    deviceTree: deviceTree === undefined ? undefined : await copied(deviceTree, 'device-tree'),
    words: (await boot.read('cmdline.txt')).trim(),
  }
}

/**
 * Whether the system has asked for a single start of the other boot partition. On a Pi the firmware keeps that until it starts;
 * here it is a file, which is gone with the question.
 */
async function takeTryboot(first: Fat): Promise<boolean> {
  if (!(await first.names()).includes('tryboot')) return false
  await first.remove('tryboot')
  return true
}
