/** What differs between the boards that a card is made for. */
export interface Board {
  /** Debian packages beside those of every board; `NAME/SUITE` takes one from that suite. */
  readonly packages: readonly string[]
  /** Whether the suite of newer packages is needed. */
  readonly backports: boolean
  /** The board's descriptions among those of the kernel's package. */
  readonly deviceTrees: RegExp
  /** What the board's own first program loads from the boot partition, in /usr/lib/raspi-firmware. */
  readonly firmware: readonly string[]
  readonly console: string
  /** Kernel modules that the initrd loads before it looks for the card, in this order. */
  readonly modules: readonly string[]
}

export type BoardName = 'pi3' | 'pi4' | 'pi5' | 'virt'

const wireless = ['raspi-firmware', 'firmware-brcm80211', 'iwd', 'wireless-regdb']

/** By the names of `--board`. `virt` is QEMU's machine of that name: the one on which cards are booted in tests. */
export const boards: Readonly<Record<BoardName, Board>> = {
  pi3: {
    packages: ['linux-image-arm64', ...wireless],
    backports: false,
    deviceTrees: /^bcm2837-/,
    firmware: ['start.elf', 'fixup.dat'],
    console: 'ttyS1,115200',
    modules: ['bcm2835', 'sdhci-iproc', 'bcm2835_wdt', 'bcm2835-rng'],
  },
  pi4: {
    packages: ['linux-image-arm64', ...wireless],
    backports: false,
    deviceTrees: /^bcm2711-/,
    firmware: ['start4.elf', 'fixup4.dat'],
    console: 'ttyS1,115200',
    modules: ['fixed', 'gpio-regulator', 'reset-raspberrypi', 'sdhci-iproc', 'bcm2835_wdt', 'iproc-rng200'],
  },
  pi5: {
    // The kernel of the stable suite has no driver for this board's card.
    packages: ['linux-image-arm64/trixie-backports', ...wireless],
    backports: true,
    deviceTrees: /^bcm2712-/,
    firmware: [],
    console: 'ttyAMA10,115200',
    // The card's supplies are switched by pins of this controller (bcm2712-rpi-5-b.dts: sd-vcc-reg, sd-io-1v8-reg).
    modules: [
      ...['pinctrl-brcmstb-bcm2712', 'gpio-brcmstb', 'fixed', 'gpio-regulator', 'sdhci-brcmstb'],
      ...['bcm2835_wdt', 'iproc-rng200'],
    ],
  },
  virt: {
    packages: ['linux-image-arm64'],
    backports: false,
    deviceTrees: /^$/,
    firmware: [],
    console: 'ttyAMA0',
    modules: ['virtio_blk', 'virtio_net', 'i6300esb', 'virtio-rng'],
  },
}

/** Modules that every initrd loads: the file systems of a card, and the names in them. */
export const commonModules: readonly string[] = [
  'crc32c_generic',
  'squashfs',
  'overlay',
  'ext4',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_utf8',
]

/** Folders of kernel modules that stay on a card, with what these need; the others are of no use to a unit. */
export const keptModules: readonly string[] = [
  ...below('', 'arch block crypto lib'),
  ...below('fs/', 'autofs ext4 fat fuse nls overlayfs pstore squashfs'),
  ...below('net/', '8021q core ipv4 ipv6 mac80211 netfilter packet rfkill sched unix wireless'),
  ...below(
    'drivers/',
    'base block bus char clk cpufreq dma firmware gpio hid hwmon i2c irqchip leds mailbox mfd misc/rp1 mmc nvmem',
  ),
  ...below(
    'drivers/',
    'md/dm-mod.ko.xz md/dm-verity.ko.xz pci phy pinctrl pmdomain power pps ptp pwm regulator reset rtc soc spi thermal tty virtio watchdog',
  ),
  ...below('drivers/usb/', 'class common core dwc2 host phy roles serial storage'),
  ...below('drivers/net/', 'ethernet/broadcom ethernet/cadence mdio pcs phy usb virtio_net.ko.xz wireless/broadcom'),
]

function below(folder: string, names: string): string[] {
  return names.split(' ').map((name) => `${folder}${name}`)
}
