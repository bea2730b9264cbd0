import { reach } from '../device/process.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { type Reason, reasons } from '../schemas/reason.ts'
import { channels } from '../schemas/topics.ts'
import type { VerdictMessage } from '../schemas/verdict.ts'
import type { Command } from './command.ts'
import { fleetSourceSpec, listenTo, waitSpec } from './fleet-source.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'
import { createStyles, printable, type Styles, wantsColour } from './view/text.ts'

const spec = {
  ...fleetSourceSpec,
  reason: { kind: 'choice', choices: reasons, description: 'only verdicts with this reason' },
  vehicle: { kind: 'text', placeholder: 'ID', description: 'only those of this vehicle' },
  peer: { kind: 'text', placeholder: 'ID', description: 'only those on this peer' },
  log: { kind: 'flag', description: "the devices' logs too" },
  count: { kind: 'number', placeholder: 'N', minimum: 1, integer: true, description: 'end after so many lines' },
  json: { kind: 'flag', description: 'one JSON object a line' },
  ...waitSpec,
  help: { kind: 'flag', description: 'this text' },
} as const

/** Verdicts as they come, one line each. */
export const tailCommand: Command = {
  help: `trustmix tail: every gate decision of a fleet as it is made, with its evidence, one line each.

Usage: trustmix tail --broker mqtt://127.0.0.1:PORT [--reason non-positive-advantage] [--vehicle car01] [--peer car03] [--json]

A line: own ← peer, epoch and step, accepted or the reason, A the policy advantage ± its standard error, α and its bound, ε, F
the Fisher form, n the effective sample size (docs/algorithm.md). Ctrl-C ends.

${describeToolOptions(spec)}

Exit codes: 0 after --count lines, 2 bad usage, 3 broker not reachable, 130 interrupted.`,
  async run(args, io) {
    const options = readToolOptions('tail', spec, args)
    const { broker, fleet, reason, vehicle, peer, json, count } = options
    if (broker === undefined) throw new ExitError('usage', '--broker is needed, got nothing')
    const styles = createStyles(wantsColour(process.env, process.stdout.isTTY))
    const { bus, config } = listenTo({ ...options, broker }, 'tail', 1_000 * options.wait, io)
    let lines = 0
    let enough: () => void = () => {}
    const done = new Promise<void>((resolve) => {
      enough = resolve
    })
    const say = (line: string): void => {
      if (count !== undefined && lines >= count) return
      lines++
      io.output(`${line}\n`)
      if (lines === count) enough()
    }
    const own = vehicle === undefined ? { fleet } : { fleet, vehicle }
    bus.subscribe(channels.verdict, own, (message) => {
      if (reason !== undefined && message.reason !== (reason as Reason)) return
      if (peer !== undefined && message.peerId !== peer) return
      say(json ? JSON.stringify(message) : verdictLine(message, styles))
    })
    if (options.log)
      bus.subscribe(channels.log, own, (message, { vehicle: id }) =>
        say(
          json
            ? JSON.stringify({ vehicle: id, ...message })
            : `${id} ${styles.yellow(message.level)} ${printable(message.text)}`,
        ),
      )
    try {
      await reach(bus, config, io)
      const ended = await Promise.race([done.then(() => true), io.stopped.then(() => false)])
      return ended ? exitCodes.ok : exitCodes.interrupted
    } finally {
      await bus.close()
    }
  },
}

function verdictLine(verdict: VerdictMessage, styles: Styles): string {
  const { vehicle, peerId, epoch, step, accepted, reason, mode } = verdict
  const number = (value: number | null | undefined, digits = 3): string =>
    typeof value === 'number' ? value.toPrecision(digits) : '–'
  const word = accepted ? styles.green('accepted') : styles.dim(reason)
  const evidence = [
    `A ${number(verdict.policyAdvantage)} ± ${number(verdict.standardError, 2)}`,
    `α ${number(verdict.alpha)} (bound ${number(verdict.alphaBound)})`,
    `ε ${number(verdict.epsilon)}`,
    `F ${number(verdict.fisher)}`,
    `n ${number(verdict.effectiveSampleSize)}`,
  ]
  return `${vehicle} ← ${peerId ?? '–'}  ${epoch}/${step}  ${mode}  ${word}  ${evidence.join('  ')}`
}
