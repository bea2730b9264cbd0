import type { Test } from 'tap'
import { type BoardOptions, type BoardProcess, startBoard } from '../../cli/board/emulator.ts'
import type { BoardFleet } from './board-fleet.ts'

const panicUnit = `[Service]
ExecStart=/bin/sh -c 'echo stands still when told >/dev/console; read -r x </dev/ttyAMA0; echo c >/proc/sysrq-trigger'
`

/** Words by which a firmware gives systemd a service that is not on the card (systemd-debug-generator(8)). */
export const panicWords = `systemd.set_credential_binary=systemd.extra-unit.still.service:${Buffer.from(panicUnit).toString('base64')} systemd.wants=still.service`

/** An emulated processor that has to wait for other work is not to be taken for one that stands still. */
const patient = 'systemd.watchdog_sec=120'

/** One card in an emulated board, whose unit is car01 of the fleet. */
export interface BoardUnit {
  /** Switches the board on, until the test ends at the latest. */
  on(more?: Pick<BoardOptions, 'writeLog' | 'words'>): Promise<BoardProcess>
  /** What is waited for; where the board is off before, its console as the error. */
  whileOn<T>(board: BoardProcess, wait: Promise<T>): Promise<T>
  /** Waits for the unit's first status of a later start than this; the number of that start. */
  online(board: BoardProcess, after: number): Promise<number>
  /** By the last telemetry. */
  updates(): number
}

export function createBoardUnit(
  t: Test,
  fleet: BoardFleet,
  options: Pick<BoardOptions, 'machine' | 'card' | 'work'>,
): BoardUnit {
  let began = 0
  const unit: BoardUnit = {
    async on({ words, ...more } = {}) {
      began = performance.now()
      const board = await startBoard({ ...options, port: fleet.port, words: words ?? patient, ...more })
      t.teardown(board.cut)
      return board
    },
    whileOn: ({ off, lines }, wait) =>
      Promise.race([
        wait,
        off.then((events) => Promise.reject(new Error(`${events.join('; ')}\n${lines().slice(-100).join('\n')}`))),
      ]),
    async online(board, after) {
      const later = () => fleet.statuses.find(({ state, boot }) => state === 'online' && boot > after)
      await unit.whileOn(
        board,
        fleet.until(() => later() !== undefined),
      )
      const boot = later()?.boot as number
      t.comment(`start ${boot}: online ${((performance.now() - began) / 1_000).toFixed(0)} s after power on`)
      return boot
    },
    updates: () => fleet.told.at(-1)?.updates ?? 0,
  }
  return unit
}

/** Has the kernel of `virt` stop as on a fault that it does not survive, where it was started with `panicWords`. */
export async function panic(board: BoardProcess): Promise<void> {
  await board.said(/stands still when told/)
  board.type('now')
}
