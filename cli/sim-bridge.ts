import type { Config } from '../schemas/config.ts'
import { exitCodes } from '../schemas/exit.ts'
import { runSimBridge } from '../sim-bridge/cli.ts'
import { type ControlledEpoch, driveControlled } from '../sim-bridge/controlled.ts'
import { isReported } from '../sim-bridge/report/report-files.ts'
import { reportTables } from '../sim-bridge/report/report-text.ts'
import { openWorld } from '../sim-bridge/worlds.ts'
import type { Command } from './command.ts'
import { refuseConflicts } from './conflicts.ts'
import { describeOptions, readOptions } from './options.ts'
import { readSummary } from './run-directory.ts'
import { serveUntilStopped } from './serve.ts'
import { parseController } from './world-options.ts'

export const bridgeCommand: Command = {
  help: `trustmix sim-bridge: drives the figure eight with whatever devices are there, until all epochs are done.

Usage: trustmix sim-bridge --run ID --broker mqtt://HOST:PORT [--sim embedded|sumo]
       trustmix sim-bridge --controller headway:5 [--sim embedded|sumo] [--preset flow|lab] [--json]
       trustmix sim-bridge --serve [--host HOST] [--port N] [--json]

${describeOptions('sim-bridge')}

With --realtime the world steps by the clock: a late answer is counted, its car goes on under the last command for at most
the longer of its interval and 1 s, then under the simulator's driver. The report says how the run kept its time; with
--judge a limit that was not kept is exit code 5.`,
  async run(args, io) {
    const { config, json } = readOptions('sim-bridge', args, process.env)
    refuseConflicts(config)
    if (config.controller !== null) {
      const figures = await driveOnce(config, config.controller)
      io.output(json ? `${JSON.stringify(figures)}\n` : describe(config.controller, config, figures))
      return exitCodes.ok
    }
    if (config.serve) return serveUntilStopped(config, json, io)
    const resumed = config.resume === null ? undefined : readSummary(config.resume)
    const { summary, report } = await runSimBridge(config, {
      ...io,
      ...(resumed && { resumed }),
      onEvent(event) {
        io.tell({ kind: 'event', event })
        if (event.kind === 'epoch')
          io.print(
            `epoch ${event.epoch}/${config.epochs}  mean speed ${event.meanSpeed.toFixed(2)} m/s  NAS ${event.nas.toFixed(3)}`,
          )
      },
      onStart: (bridge) => io.interrupts(() => bridge.stop('now')),
    })
    if (json) io.output(`${JSON.stringify(summary)}\n`)
    if (isReported(config)) (json ? io.print : io.output)(`${reportTables(report)}\n`)
    if (summary.interrupted) return exitCodes.interrupted
    return config.judge && !report.passed ? exitCodes.failed : exitCodes.ok
  },
}

/** One epoch without devices. */
async function driveOnce(config: Config, name: string): Promise<ControlledEpoch> {
  const controller = parseController(name, config.preset)
  const world = await openWorld(config)
  try {
    return await driveControlled(world, controller, config.seed)
  } finally {
    await world.close()
  }
}

function describe(controller: string, { sim, preset }: Config, figures: ControlledEpoch): string {
  const { meanSpeed, nas, meanSpeed10s, stoppedShare, collisions } = figures
  return [
    `${controller} on ${sim}, preset ${preset}, ${meanSpeed10s.length * 10} s`,
    `mean speed  ${meanSpeed.toFixed(4)} m/s   NAS ${nas.toFixed(4)}`,
    `each 10 s   ${meanSpeed10s.map((v) => v.toFixed(2)).join(' ')}`,
    `stopped     ${(100 * stoppedShare).toFixed(2)} % of car-steps   collisions ${collisions}`,
    '',
  ].join('\n')
}
