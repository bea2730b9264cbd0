import { exitCodes } from '../schemas/exit.ts'
import { isReported, runSimBridge } from '../sim-bridge/cli.ts'
import { reportTables } from '../sim-bridge/report-text.ts'
import type { Command } from './command.ts'
import { describeOptions, readOptions } from './options.ts'
import { readSummary } from './run-directory.ts'

export const bridgeCommand: Command = {
  help: `trustmix sim-bridge: drives the figure eight with whatever devices are there, until all epochs are done.

Usage: trustmix sim-bridge --run ID --broker mqtt://HOST:PORT [--sim embedded|sumo]

${describeOptions('sim-bridge')}

With --realtime the world steps by the clock: a late answer is counted, its car goes on under the last command for at most
the longer of its interval and 1 s, then under the simulator's driver. The report says how the run kept its time; with
--judge a limit that was not kept is exit code 5.`,
  async run(args, io) {
    const { config, json } = readOptions('sim-bridge', args, process.env)
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
