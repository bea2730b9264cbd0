import { once } from 'node:events'
import type { Config } from '../schemas/config.ts'
import { exitCodes } from '../schemas/exit.ts'
import { formatVersion } from '../schemas/validator.ts'
import { runSimBridge } from '../sim-bridge/cli.ts'
import { serveWorlds } from '../sim-bridge/serve.ts'
import type { Command, CommandIo } from './command.ts'
import { describeOptions, readOptions } from './options.ts'
import { readSummary } from './run-directory.ts'

export const bridgeCommand: Command = {
  help: `trustmix sim-bridge: drives the figure eight with whatever devices are there, until all epochs are done.

Usage: trustmix sim-bridge --run ID --broker mqtt://HOST:PORT [--sim embedded|sumo]
       trustmix sim-bridge --serve [--port N] [--json]    worlds for other programs, until it is stopped

${describeOptions('sim-bridge')}`,
  async run(args, io) {
    const { config, json } = readOptions('sim-bridge', args, process.env)
    if (config.serve) return serve(config, json, io)
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

/** Serves worlds until it is stopped; the address goes to stdout as one JSON line, or to stderr in words. */
async function serve(config: Config, json: boolean, io: CommandIo): Promise<number> {
  const server = await serveWorlds({
    config,
    software: io.software,
    onFailure: (error) => io.print(`client let go: ${error instanceof Error ? error.message : String(error)}`),
  })
  try {
    const { host, port } = server
    io.tell({ kind: 'listening', port })
    if (json) io.output(`${JSON.stringify({ version: formatVersion, host, port })}\n`)
    else io.print(`serving worlds on ${host}:${port}`)
    await Promise.race([io.stopped, ...(config.followStdin ? [once(process.stdin.resume(), 'end')] : [])])
  } finally {
    process.stdin.destroy()
    await server.close()
  }
  return exitCodes.ok
}
