import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Command, CommandIo } from './command.ts'
import { drivenWorldSpec } from './driven-world.ts'
import { fleetSourceSpec } from './fleet-source.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'
import { compareWithTraining } from './trained-world.ts'
import { showFrames, sizeOf } from './view/frames.ts'
import { createStyles, wantsColour } from './view/text.ts'
import { colourDepth, createSpeedPaint, renderWatch } from './view/watch-view.ts'
import { watchFleet } from './watch-fleet.ts'
import { watchWorld } from './watch-world.ts'
import type { Watched } from './watched.ts'
import { worldConfig } from './world-options.ts'

const spec = {
  ...drivenWorldSpec,
  rtf: {
    kind: 'number',
    default: 1,
    minimum: 0.01,
    maximum: 1000,
    description: 'simulated seconds a second',
  },
  ...fleetSourceSpec,
  once: {
    kind: 'number',
    placeholder: 'S',
    default: Number.NaN,
    minimum: 0,
    maximum: 150,
    description: 'print one frame after S simulated seconds of an epoch, and end',
  },
  wait: {
    kind: 'number',
    placeholder: 'S',
    default: 30,
    minimum: 0.1,
    description: 'with --broker: longest wait for it, with --once also for the frame, seconds',
  },
  help: { kind: 'flag', description: 'this text' },
} as const

/** The figure eight with its cars, drawn in the terminal. */
export const watchCommand: Command = {
  help: `trustmix watch: the road and its cars in the terminal, seen from above; colour is speed.

Usage: trustmix watch --controller headway:5 [--preset flow] [--sim embedded|sumo] [--rtf 1]
       trustmix watch --policies RUN-DIR/policies
       trustmix watch --broker mqtt://127.0.0.1:PORT [--fleet demo]

The first two drive a world of their own, the third listens to a running fleet (its broker is in RUN-DIR/processes.json).
Circles are cars, filled where they learn; a diamond is a learner that safety forces to brake. Below the road are all cars
from the loop's start on with their speeds as bars. NO_COLOR is honoured; without a terminal a frame is printed every 10 s.

Keys: q quits; in a world of its own space pauses, + and - change the pace.

${describeToolOptions(spec).replace(' (default NaN)', '')}

Exit codes: 0 ok, 2 bad usage, 3 broker or SUMO not reachable or no frame in time, 4 damaged policy, 130 interrupted.`,
  async run(args, io) {
    const options = readToolOptions('watch', spec, args)
    const { broker, controller, policies } = options
    if (broker !== undefined && (controller !== undefined || policies !== undefined))
      throw new ExitError('usage', 'a fleet is watched or a world driven, got --broker and --controller or --policies')
    if (policies !== undefined) compareWithTraining(policies, worldConfig(options), io.print)
    const watched =
      broker === undefined
        ? await watchWorld(options, options.rtf, () => performance.now())
        : await watchFleet({ ...options, broker }, 1000 * options.wait, io)
    try {
      if (Number.isNaN(options.once))
        return await showFrames(
          { frame: (size, colour) => frame(watched, size, colour), key: watched.key, pass: watched.pass, frameMs: 80 },
          io,
        )
      await Promise.race([watched.until(options.once), stopping(io)])
      io.output(
        `${frame(watched, sizeOf(process.stdout), wantsColour(process.env, process.stdout.isTTY)).join('\n')}\n`,
      )
      return exitCodes.ok
    } finally {
      await watched.close()
    }
  },
}

function frame(watched: Watched, { width, height }: { width: number; height: number }, colour: boolean): string[] {
  const view = watched.view()
  if (!view) return [watched.notice ?? '']
  const paint = createSpeedPaint(colourDepth(process.env, colour))
  return renderWatch({ ...view, foot: watched.keys }, width, height, createStyles(colour), paint)
}

async function stopping(io: CommandIo): Promise<never> {
  await io.stopped
  throw new ExitError('interrupted', 'interrupted before the frame')
}
