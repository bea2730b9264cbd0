/** One of QEMU's machines on which a card starts. */
export interface Machine {
  /** The card that is for it, by the name of `npm run image -- --board`. */
  readonly board: string
  readonly args: readonly string[]
  /** Arguments for a disk by its block driver's options, and for the network card behind `netdev=net`. */
  disk(options: string): readonly string[]
  readonly network: readonly string[]
  /** What its firmware takes from the boot partition beside kernel and initrd. */
  readonly deviceTree: string | undefined
  /** Words that a firmware would add for the kernel. */
  words(nowMs: number): string
}

export type MachineName = 'virt' | 'raspi3b'

export const machines: Readonly<Record<MachineName, Machine>> = {
  virt: {
    board: 'virt',
    args: [
      ...['-M', 'virt', '-cpu', 'cortex-a72', '-smp', '2', '-m', '512', '-serial', 'chardev:console'],
      ...['-device', 'virtio-rng-pci', '-device', 'i6300esb'],
    ],
    disk: (options) => ['-blockdev', `node-name=card,${options}`, '-device', 'virtio-blk-pci,drive=card'],
    network: ['-device', 'virtio-net-pci,netdev=net,romfile='],
    deviceTree: undefined,
    words: () => '',
  },
  raspi3b: {
    board: 'pi3',
    // The card's console is the second serial line, as on the pins of the board.
    args: ['-M', 'raspi3b', '-serial', 'null', '-serial', 'chardev:console'],
    disk: (options) => ['-drive', `if=sd,${options}`],
    network: ['-device', 'usb-net,netdev=net'],
    deviceTree: 'bcm2837-rpi-3-b.dtb',
    // The emulated watchdog resets the board as soon as it is set; there is no clock, and no time server can be reached.
    words: (nowMs) => `modprobe.blacklist=bcm2835_wdt systemd.clock_usec=${Math.round(1_000 * nowMs)}`,
  },
}
