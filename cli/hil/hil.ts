import type { Config } from '../../schemas/config.ts'
import { ExitError, exitCodes } from '../../schemas/exit.ts'
import { learnersOf } from '../../sim-bridge/cli.ts'
import { hilText } from '../../sim-bridge/hil/hil-text.ts'
import type { Command } from '../command.ts'
import { refuseConflicts } from '../conflicts.ts'
import { describeOptions, readOptions } from '../options.ts'
import { runHil } from './run-hil.ts'

/** Hardware in the loop: one unit on the bench, the world and the other cars here. */
export const hilCommand: Command = {
  help: `trustmix hil: tests one unit against the world in real time, and writes one report on it.

Usage: trustmix hil --vehicle car01 --broker mqtt://HOST:PORT [--run ID] [--epochs 1] [--faults docs/examples/hil.json]
       trustmix hil --vehicle car01 --target ssh:pi@HOST --broker mqtts://HOST:PORT [--ssh-option Port=2222]
       trustmix hil --vehicle car01                  a broker of its own on loopback, waits for the unit to come

${describeOptions('hil').replace('(default 200)', '(default 1)')}

--vehicle is the unit, which must be at the broker; the run is the one that its status names, or --run. A fault that names
no vehicles concerns the unit alone. The report is in --report (default: RUN-DIR/report): report.html, report.json,
junit.xml, tap.txt; docs/hil.md says what its numbers mean. With --judge a limit that was not kept is exit code 5.
Ctrl-C ends at once (exit 130) with a partial report that says so.`,
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
  const config = { ...asked, realtime: !lockStep, epochs }
  refuseConflicts(config)
  const learners = learnersOf(config)
  if (vehicle === null || !learners.includes(vehicle))
    throw new ExitError('usage', `--vehicle must be a learner (${learners.join(', ')}), got ${vehicle ?? 'nothing'}`)
  return { config: { ...config, vehicle }, json }
}
