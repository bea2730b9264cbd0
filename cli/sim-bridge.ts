import { exitCodes } from '../schemas/exit.ts'
import { runSimBridge } from '../sim-bridge/cli.ts'
import type { Command } from './command.ts'
import { describeOptions, readOptions } from './options.ts'
import { readSummary } from './run-directory.ts'
import { serveUntilStopped } from './serve.ts'

export const bridgeCommand: Command = {
  help: `trustmix sim-bridge: drives the figure eight with whatever devices are there, until all epochs are done.

Usage: trustmix sim-bridge --run ID --broker mqtt://HOST:PORT [--sim embedded|sumo]
       trustmix sim-bridge --serve [--host HOST] [--port N] [--json]

${describeOptions('sim-bridge')}`,
  async run(args, io) {
    const { config, json } = readOptions('sim-bridge', args, process.env)
    if (config.serve) return serveUntilStopped(config, json, io)
    const resumed = config.resume === null ? undefined : readSummary(config.resume)
    const summary = await runSimBridge(config, {
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
    return summary.interrupted ? exitCodes.interrupted : exitCodes.ok
  },
}
