import { runBroker } from '../broker/cli.ts'
import { runDevice } from '../device/cli.ts'
import { exitCodes } from '../schemas/exit.ts'
import { runSimBridge } from '../sim-bridge/cli.ts'
import { evaluateCommand } from './evaluate.ts'
import { fleetCommand } from './fleet.ts'
import { gateCommand } from './gate.ts'
import { learnCommand } from './learn.ts'
import { describeOptions, readOptions } from './options.ts'
import { policyCommand } from './policy.ts'
import { readResumedSummary } from './run-directory.ts'

/** A subcommand of the bin. */
export interface Command {
  readonly summary: string
  readonly help: string
  /** Returns the exit code; throws ExitError for expected failures. */
  run(args: readonly string[], io: CommandIo): Promise<number>
}

/** The process around a command. */
export interface CommandIo {
  readonly software: string
  readonly stopped: Promise<void>
  readonly interrupts: (handler: () => void) => void
  readonly tell: (message: unknown) => void
  /** A line on stderr. */
  readonly print: (line: string) => void
  /** Text on stdout. */
  readonly output: (text: string) => void
}

const deviceCommand: Command = {
  summary: 'one vehicle: acts, learns, publishes its policy, considers others',
  help: `trustmix device: one vehicle as a process over MQTT, until the run ends.

Usage: trustmix device --vehicle ID --run ID --broker mqtt://HOST:PORT --state-dir DIR --private-key-file F --public-keys-file F

${describeOptions('device')}`,
  async run(args, io) {
    const { config, json } = readOptions('device', args, process.env)
    const result = await runDevice(config, io)
    if (json) io.output(`${JSON.stringify(result)}\n`)
    return exitCodes.ok
  },
}

const brokerCommand: Command = {
  summary: 'the embedded MQTT broker, the averaging server, or both',
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

const bridgeCommand: Command = {
  summary: 'the traffic world and its clock, coupled to devices over MQTT',
  help: `trustmix sim-bridge: drives the figure eight with whatever devices are there, until all epochs are done.

Usage: trustmix sim-bridge --run ID --broker mqtt://HOST:PORT [--sim embedded|sumo]

${describeOptions('sim-bridge')}`,
  async run(args, io) {
    const { config, json } = readOptions('sim-bridge', args, process.env)
    const resumed = config.resume === null ? undefined : readResumedSummary(config.resume)
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
    io.tell({ kind: 'summary', summary })
    if (json) io.output(`${JSON.stringify(summary)}\n`)
    return summary.interrupted ? exitCodes.interrupted : exitCodes.ok
  },
}

export const commands = {
  fleet: fleetCommand,
  device: deviceCommand,
  broker: brokerCommand,
  'sim-bridge': bridgeCommand,
  gate: gateCommand,
  learn: learnCommand,
  policy: policyCommand,
  evaluate: evaluateCommand,
} as const satisfies Record<string, Command>
