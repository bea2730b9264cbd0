import { isIP } from 'node:net'
import { ExitError } from '../../schemas/exit.ts'
import type { Provision } from '../../schemas/provision.ts'
import { formatVersion } from '../../schemas/validator.ts'

/** A file of a machine's root. */
export interface MachineFile {
  readonly path: string
  readonly content: string
  readonly mode: number
}

/**
 * What a unit file says of the machine, as the files that Debian's own services read: host name, address (systemd-networkd), time
 * servers (systemd-timesyncd), Wi-Fi (iwd); and as `trustmix update` reads it. An image copies them over its root at each start.
 * ExitError 4 where an address is none.
 */
export function machineFiles(unit: Provision): MachineFile[] {
  const { hostname = 'trustmix', address, ntp = [], wifi } = unit
  const files = [
    file('etc/hostname', [hostname]),
    file('etc/hosts', ['127.0.0.1 localhost', `127.0.1.1 ${hostname}`, '::1 localhost ip6-localhost ip6-loopback']),
    file('etc/trustmix-unit.json', [JSON.stringify(anchor(unit))]),
  ]
  if (address?.method === 'static') {
    checkAddresses(unit.id, address)
    files.push(
      file('etc/systemd/network/50-trustmix-static.network', [
        ...['[Match]', wifi ? 'Name=wlan*' : 'Name=en* eth* usb*', '', '[Network]', 'LLMNR=no'],
        ...[
          `Address=${address.address}`,
          `Gateway=${address.gateway}`,
          ...address.dns.map((server) => `DNS=${server}`),
        ],
        ...['', '[Link]', 'RequiredForOnline=no'],
      ]),
    )
  }
  if (ntp.length > 0) files.push(file('etc/systemd/timesyncd.conf.d/trustmix.conf', ['[Time]', `NTP=${ntp.join(' ')}`]))
  if (wifi)
    files.push(
      file('etc/iwd/main.conf', ['[General]', `Country=${wifi.country}`]),
      file(`var/lib/iwd/${networkName(wifi.ssid)}.${wifi.passphrase ? 'psk' : 'open'}`, networkLines(wifi), 0o600),
    )
  return files
}

/**
 * By what updates are judged: whose unit it is, the fleet's root and where they may come from. Of root alone to write, unlike what the
 * unit keeps for itself.
 */
function anchor({ id, fleet, broker, ca, rootKey, roster, update, config }: Provision): object {
  const clock = config?.clock === undefined ? {} : { config: { clock: config.clock } }
  return { version: formatVersion, id, fleet, broker, ca, rootKey, roster, update, ...clock }
}

type Static = Extract<Provision['address'], { method: 'static' }>

function checkAddresses(id: string, { address, gateway, dns }: Static): void {
  const [own = '', prefix = ''] = address.split('/')
  const kind = isIP(own)
  const rule = (holds: boolean, text: string): void => {
    if (!holds) throw new ExitError('damaged', `the unit file of ${id}: address/${text}`)
  }
  rule(
    kind !== 0 && Number(prefix) <= (kind === 4 ? 32 : 128),
    `address must be an IP address with its prefix, got ${address}`,
  )
  rule(isIP(gateway) === kind, `gateway must be an address of the same kind, got ${gateway}`)
  for (const server of dns) rule(isIP(server) !== 0, `dns must be IP addresses, got ${server}`)
}

/** iwd.network(5): names of other characters are written in hexadecimal. */
function networkName(ssid: string): string {
  return /^[A-Za-z0-9 _-]+$/.test(ssid) ? ssid : `=${Buffer.from(ssid).toString('hex')}`
}

function networkLines({ passphrase, hidden }: NonNullable<Provision['wifi']>): string[] {
  const isKey = passphrase !== undefined && /^[0-9a-fA-F]{64}$/.test(passphrase)
  const escaped = passphrase
    ?.replaceAll('\\', '\\\\')
    .replace(/^ /, '\\s')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
  return [
    ...(passphrase === undefined ? [] : ['[Security]', isKey ? `PreSharedKey=${passphrase}` : `Passphrase=${escaped}`]),
    ...(hidden ? ['[Settings]', 'Hidden=true'] : []),
  ]
}

function file(path: string, lines: readonly string[], mode = 0o644): MachineFile {
  return { path, content: `${lines.join('\n')}\n`, mode }
}
