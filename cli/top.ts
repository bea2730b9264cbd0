import { setTimeout as delay } from 'node:timers/promises'
import { alarmsAt, healthOf } from '../broker/alarms.ts'
import { createFleetState, type FleetState } from '../broker/fleet.ts'
import { followFleet } from '../broker/monitor/follow.ts'
import { reach } from '../device/process.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { fleetReport } from './fleet-report.ts'
import { fleetSourceSpec, listenTo, waitSpec } from './fleet-source.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'
import { showFrames, sizeOf } from './view/frames.ts'
import { createStyles, wantsColour } from './view/text.ts'
import { createTopView } from './view/top-view.ts'

const spec = {
  ...fleetSourceSpec,
  once: { kind: 'flag', description: 'print one frame and end' },
  json: { kind: 'flag', description: 'print what is known as one JSON object and end' },
  settle: {
    kind: 'number',
    placeholder: 'S',
    default: 2,
    minimum: 0,
    maximum: 3600,
    description: 'with --once and --json: how long to listen first',
    unit: 's',
  },
  ...waitSpec,
  help: { kind: 'flag', description: 'this text' },
} as const

/** The monitor's views in the terminal. */
export const topCommand: Command = {
  help: `trustmix top: a fleet in the terminal: who is there, who learns from whom, how the returns go, what is wrong.

Usage: trustmix top --broker mqtt://127.0.0.1:PORT [--fleet demo] [--once] [--json]

Keys: 1 fleet, 2 collaboration, 3 learning, 4 alarms; s sorts by the next column, r the other way round; arrows and page keys
scroll; q quits. NO_COLOR is honoured; without a terminal a frame is printed every 10 s. (The road: trustmix watch --broker.)

${describeToolOptions(spec)}

Exit codes: 0 ok, 2 bad usage, 3 broker not reachable, 130 interrupted.`,
  async run(args, io) {
    const options = readToolOptions('top', spec, args)
    const { broker, fleet } = options
    if (broker === undefined) throw new ExitError('usage', '--broker is needed, got nothing')
    const now = () => performance.now()
    const state = createFleetState(fleet)
    const { bus, config } = listenTo({ ...options, broker }, 'top', 1_000 * options.wait, io)
    followFleet(bus, state, now)
    try {
      await reach(bus, config, io)
      const view = createTopView(state)
      const frame = ({ width, height }: { width: number; height: number }, colour: boolean): string[] =>
        view.lines({ nowMs: now(), connected: bus.connected }, width, height, createStyles(colour))
      if (!options.once && !options.json)
        return await showFrames({ frame, key: view.key, async pass() {}, frameMs: 250 }, io)
      await Promise.race([delay(1_000 * options.settle), io.stopped])
      if (options.json) io.output(`${JSON.stringify(fleetReport(state, healthHere(state, now()), now()))}\n`)
      else io.output(`${frame(sizeOf(process.stdout), wantsColour(process.env, process.stdout.isTTY)).join('\n')}\n`)
      return exitCodes.ok
    } finally {
      await bus.close()
    }
  },
}

/** What the monitor says, or, where there is none, what can be told from here. */
function healthHere(state: FleetState, nowMs: number) {
  if (state.health) return state.health.message
  return healthOf(state, alarmsAt(state, nowMs), nowMs, { messagesPerSecond: 0, broker: null })
}
