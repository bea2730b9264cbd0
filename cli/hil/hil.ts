import type { Config } from '../../schemas/config.ts'
import { emulatedMachine } from '../../schemas/config-hil.ts'
import { ExitError, exitCodes } from '../../schemas/exit.ts'
import { learnersOf } from '../../sim-bridge/cli.ts'
import { hilText } from '../../sim-bridge/hil/hil-text.ts'
import type { Command } from '../command.ts'
import { refuseConflicts } from '../conflicts.ts'
import { describeOptions, flagOf, readOptions } from '../options.ts'
import { runHil } from './run-hil.ts'

/** Hardware in the loop: one unit on the bench, the world and the other cars here. */
export const hilCommand: Command = {
  help: `trustmix hil: tests one unit against the world in real time, and writes one report on it.

Usage: trustmix hil --vehicle car01 --broker mqtt://HOST:PORT [--run ID] [--epochs 1] [--faults docs/examples/hil.json]
       trustmix hil --vehicle car01 --target ssh:pi@HOST --broker mqtts://HOST:PORT [--ssh-option Port=2222]
       trustmix hil --vehicle car01 --target qemu-virt --image trustmix-VERSION-virt.img.zst
       trustmix hil --vehicle car01                  a broker of its own on loopback, waits for the unit to come

${describeOptions('hil').replace('(default 200)', '(default 1)')}

--vehicle is the unit, which must be at the broker; the run is the one that its status names, or --run. A fault that names
no vehicles concerns the unit alone. The report is in --report (default: RUN-DIR/report): report.html, report.json,
junit.xml, tap.txt; docs/hil.md says what its numbers mean. With --judge a limit that was not kept is exit code 5.
Ctrl-C ends at once (exit 130) with a partial report that says so.
An emulated board (qemu-virt, qemu-raspi3b) has a fleet and a broker of its own in RUN-DIR; its deadlines are printed and not
judged. Exit code 2 where there is no image, 3 where qemu-system-aarch64 or mtools is missing or the board does not come, 4
where the image is damaged.`,
  async run(args, io) {
    const { config, json } = readHilOptions(args)
    const report = await runHil(config, io)
    if (json) io.output(`${JSON.stringify(report)}\n`)
    else io.output(`${hilText(report)}\n`)
    if (!report.complete) return exitCodes.interrupted
    return config.judge && !report.passed ? exitCodes.failed : exitCodes.ok
  },
}

/** A configuration that names its unit. */
export type HilConfig = Config & { readonly vehicle: string }

function readHilOptions(args: readonly string[]): { config: HilConfig; json: boolean } {
  const { config: asked, json, given } = readOptions('hil', args, process.env)
  const { vehicle, lockStep } = asked
  if (lockStep && given.has('rtf'))
    throw new ExitError('usage', `--lock-step waits for every answer, got it with --rtf ${asked.rtf}`)
  const epochs = given.has('epochs') ? asked.epochs : 1
  const board = emulatedMachine(asked.target) !== undefined
  const config = { ...asked, realtime: !lockStep, epochs, ...(board && forBoard(asked, given)) }
  if (asked.image !== null && !board)
    throw new ExitError('usage', `--image needs --target qemu-virt or qemu-raspi3b, got ${asked.target}`)
  refuseConflicts(config)
  const learners = learnersOf(config)
  if (vehicle === null || !learners.includes(vehicle))
    throw new ExitError('usage', `--vehicle must be a learner (${learners.join(', ')}), got ${vehicle ?? 'nothing'}`)
  return { config: { ...config, vehicle }, json }
}

/** What an emulated board leaves open: it has certificates and a broker of its own, and takes its time. */
function forBoard(asked: Config, given: ReadonlySet<string>): Partial<Config> {
  for (const key of ofOthers)
    if (given.has(key))
      throw new ExitError('usage', `--${flagOf(key)} must be left out with --target ${asked.target}, got ${asked[key]}`)
  if (given.has('others') && asked.others === 'devices')
    throw new ExitError('usage', '--others must be drivers with an emulated board: other devices have no certificates')
  const { answerTimeoutMs, unitTimeoutMs } = asked
  return {
    others: 'drivers',
    unitTimeoutMs: unitTimeoutMs ?? boardTimeoutMs,
    answerTimeoutMs: Math.max(answerTimeoutMs, boardTimeoutMs),
  }
}

const boardTimeoutMs = 600_000

const ofOthers = [
  ...(['broker', 'fleet', 'keys', 'caFile', 'certFile', 'keyFile', 'monitorCertFile', 'monitorKeyFile'] as const),
  ...(['monitorUsername', 'monitorPasswordFile', 'log', 'sshOption'] as const),
]
