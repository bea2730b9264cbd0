import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExitError } from '../../schemas/exit.ts'
import { chooseBoot } from './card.ts'
import { type Console, listenTo } from './console.ts'
import { eventsOf } from './events.ts'
import { type MachineName, machines } from './machines.ts'

const pipe = fileURLToPath(new URL('port-pipe.js', import.meta.url))

export interface BoardOptions {
  readonly machine: MachineName
  /** Raw image of the card, its size a power of two; the board writes to it. */
  readonly card: string
  /** Folder for what the firmware loads and for QEMU's sockets. */
  readonly work: string
  /** The port of this machine that the board reaches as `boardSees`; it reaches no other. */
  readonly port: number
  /** Another port that the board reaches, where updates are served. */
  readonly updatePort?: number
  /** Gets every write to the card (dm-log-writes). */
  readonly writeLog?: string
  /** Words for the kernel after those of the card. */
  readonly words?: string
  /** Told every line of the serial console. */
  readonly onLine?: (line: string) => void
}

/** An emulated board that is on. */
export interface BoardProcess extends Console {
  readonly pid: number
  /** The boot partition that the firmware chose. */
  readonly partition: number
  /** Writes a line to the serial console. */
  type(line: string): void
  /** Cuts the power. */
  cut(): Promise<void>
  /** Resolves when the board is off or was reset, with QEMU's events. */
  readonly off: Promise<readonly string[]>
}

/** Host and ports by which a board reaches this machine. */
export const boardSees = { host: '10.0.2.100', port: 8_883, updatePort: 8_443 } as const

/**
 * Switches on an emulated board with a card. This process plays its firmware: kernel, initrd and device tree come from the boot
 * partition that the card's first one names. A reset switches the board off, so that the caller plays the firmware again.
 * ExitError 3 where QEMU or mtools is not installed, 4 where the card lacks what a board starts from.
 */
export async function startBoard(options: BoardOptions): Promise<BoardProcess> {
  const { work, port, updatePort, words = '' } = options
  const machine = machines[options.machine]
  mkdirSync(work, { recursive: true })
  const boot = await chooseBoot(options.card, work, machine.deviceTree)
  const socketPath = join(work, 'qmp')
  rmSync(socketPath, { force: true })
  const forward = [
    forwarded(boardSees.port, port),
    ...(updatePort === undefined ? [] : [forwarded(boardSees.updatePort, updatePort)]),
  ].join()
  const child = spawn(
    emulator,
    [
      ...machine.args,
      ...['-nodefaults', '-display', 'none', '-chardev', 'stdio,id=console,signal=off'],
      ...['-kernel', boot.kernel, '-initrd', boot.initrd],
      ...(boot.deviceTree === undefined ? [] : ['-dtb', boot.deviceTree]),
      ...['-append', [boot.words, machine.words(Date.now()), words].filter((part) => part !== '').join(' ')],
      ...['-qmp', `unix:${socketPath},server=on,wait=off`, '-action', 'reboot=shutdown,watchdog=reset,panic=none'],
      ...machine.disk(diskOptions(options)),
      ...['-netdev', `user,id=net,restrict=on,${forward}`, ...machine.network],
    ],
    // Every Node below would load what this one was told to.
    { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH } },
  )
  const ended = endOf(child)
  // It must not outlive this process.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
  const console = listenTo(child, options.onLine)
  child.stdin.on('error', () => {})
  const cut = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended.catch(() => {})
  }
  try {
    // One that ends is told by its events; one that cannot be started has none.
    const failed = ended.then(() => new Promise<never>(() => {}))
    const events = await Promise.race([eventsOf(socketPath, child, console), failed])
    return {
      ...console,
      pid: child.pid as number,
      partition: boot.partition,
      type: (line) => void child.stdin.write(`${line}\n`),
      cut,
      off: ended.then(() => events),
    }
  } catch (error) {
    await cut()
    throw error
  }
}

const emulator = 'qemu-system-aarch64'

/** ExitError 3 where QEMU is not installed. */
export function requireEmulator(): Promise<void> {
  return endOf(spawn(emulator, ['--version'], { stdio: 'ignore' }))
}

function forwarded(seen: number, port: number): string {
  return `guestfwd=tcp:${boardSees.host}:${seen}-cmd:${process.execPath} ${pipe} ${port}`
}

/** Of QEMU's block drivers. */
function diskOptions({ card, writeLog }: BoardOptions): string {
  const raw = (at: string): string => `${at}driver=raw,${at}file.driver=file,${at}file.filename=${escaped(card)}`
  if (writeLog === undefined) return raw('')
  const log = `log.driver=file,log.filename=${escaped(writeLog)},log-super-update-interval=1`
  return `driver=blklogwrites,${raw('file.')},${log}`
}

/** In an option of QEMU a comma ends a value unless it is doubled. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,')
}

async function endOf(child: ChildProcess): Promise<void> {
  try {
    await once(child, 'exit')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const words = code === 'ENOENT' ? `${emulator} must be installed (Debian: qemu-system-arm)` : message
    throw new ExitError('unreachable', words)
  }
}
