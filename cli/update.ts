import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { readOptions } from './options.ts'
import { readUnitFile } from './provision/unit-file.ts'
import { describeToolOptions, readToolOptions, type ToolOption } from './tool-options.ts'
import { applyUpdate } from './update/apply.ts'
import { createBoard } from './update/board.ts'
import { checkUpdate } from './update/check.ts'

const common = {
  'state-dir': { kind: 'text', placeholder: 'DIR', required: true, description: "the unit's directory" },
  directory: {
    kind: 'text',
    placeholder: 'DIR',
    required: true,
    description: 'directory, of root alone, that keeps what an update needs over a restart',
  },
  loader: {
    kind: 'text',
    default: '/usr/lib/trustmix/board/bootloader',
    description: 'program that knows which slot starts',
  },
} as const satisfies Record<string, ToolOption>

const applySpec = {
  unit: { kind: 'text', required: true, description: 'unit file without keys (trustmix provision machine)' },
  ...common,
} as const

const checkSpec = {
  config: { kind: 'text', required: true, description: "the device's configuration" },
  vectors: { kind: 'text', placeholder: 'DIR', required: true, description: 'golden vectors' },
  'tick-ms': { kind: 'number', default: 100, minimum: 0, description: 'most that a decision may take, ms' },
  'broker-wait-s': {
    kind: 'number',
    default: 120,
    minimum: 0,
    description: 'time for the network and the broker, where the broker was reached before the update, s',
  },
  ...common,
} as const

/** Updates of a card, for its services. */
export const updateCommand: Command = {
  help: `trustmix update: what the services of a card call (docs/board.md); an operator calls trustmix command CAR update.

Usage: trustmix update apply: carries out the request that the unit has left, up to the restart into the other slot

${describeToolOptions(applySpec)}

Usage: trustmix update check: after a restart, whether the new system is good, or the old one was returned to

${describeToolOptions(checkSpec)}

Exit codes: 0 done, or nothing to do; 2 bad usage; 4 damaged files; 5 the update was refused, or the system is not good.`,
  async run([action, ...rest], io) {
    if (action === 'apply') {
      const options = readToolOptions('update', applySpec, rest)
      const { directory, loader, 'state-dir': stateDir } = options
      const board = createBoard(directory, loader)
      const unit = () => readUnitFile(options.unit)
      return (await applyUpdate({ unit, stateDir, board, directory, print: io.print }))
        ? exitCodes.ok
        : exitCodes.failed
    }
    if (action === 'check') {
      const options = readToolOptions('update', checkSpec, rest)
      const { directory, loader, vectors, 'state-dir': stateDir } = options
      const { config } = readOptions('device', ['--config', options.config, '--state-dir', stateDir], process.env)
      const board = createBoard(directory, loader)
      const limits = { tickMs: options['tick-ms'], brokerWaitMs: 1_000 * options['broker-wait-s'] }
      return (await checkUpdate({ config, board, vectors, limits, context: io })) ? exitCodes.ok : exitCodes.failed
    }
    throw new ExitError('usage', `update needs apply or check, got ${action ?? 'nothing'}`)
  },
}
