import { runBroker } from '../broker/cli.ts'
import { exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { describeOptions, readOptions } from './options.ts'

export const brokerCommand: Command = {
  help: `trustmix broker: an MQTT 3.1.1 broker with the fleet's access rules, until it is stopped.

Usage: trustmix broker --port 1883 --users-file users.json

${describeOptions('broker')}`,
  async run(args, io) {
    const { config, json } = readOptions('broker', args, process.env)
    const result = await runBroker(config, {
      ...io,
      onListening(port) {
        io.tell({ kind: 'listening', port })
        io.print(`listening on mqtt://${config.host}:${port}`)
      },
    })
    if (json) io.output(`${JSON.stringify(result)}\n`)
    return exitCodes.ok
  },
}
