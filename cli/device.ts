import { runDevice } from '../device/cli.ts'
import { exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { describeOptions, readOptions } from './options.ts'

export const deviceCommand: Command = {
  help: `trustmix device: one vehicle as a process over MQTT, until the run ends.

Usage: trustmix device --vehicle ID --run ID --broker mqtt://HOST:PORT --state-dir DIR --private-key-file F --public-keys-file F

${describeOptions('device')}`,
  async run(args, io) {
    const { config, json } = readOptions('device', args, process.env)
    const result = await runDevice(config, io, () => readOptions('device', args, process.env).config)
    if (json) io.output(`${JSON.stringify(result)}\n`)
    return exitCodes.ok
  },
}
