import { runBroker } from '../broker/cli.ts'
import { exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { describeOptions, readOptions } from './options.ts'

export const brokerCommand: Command = {
  help: `trustmix broker: an MQTT 3.1.1 broker with the fleet's access rules, until it is stopped.

Usage: trustmix broker --port 1883 --users-file users.json
       trustmix broker --config FILE, written by trustmix provision broker-config trustmix

${describeOptions('broker')}`,
  async run(args, io) {
    const { config, json } = readOptions('broker', args, process.env)
    const result = await runBroker(config, {
      ...io,
      onListening(port, tlsPort, wsPort) {
        io.tell({ kind: 'listening', port })
        const secured = tlsPort !== undefined || wsPort !== undefined
        io.print(`listening on mqtt://${secured ? '127.0.0.1' : config.host}:${port}`)
        if (tlsPort !== undefined) io.print(`listening on mqtts://${config.host}:${tlsPort}`)
        if (wsPort !== undefined) io.print(`listening on wss://${config.host}:${wsPort}`)
      },
      onMonitor(url) {
        io.tell({ kind: 'monitor', url })
        io.print(`monitor at ${url}`)
      },
    })
    if (json) io.output(`${JSON.stringify(result)}\n`)
    return exitCodes.ok
  },
}
