import { join } from 'node:path'
import { writeAtomically } from '../device/checkpoint.ts'
import type { Config } from '../schemas/config.ts'
import { settingOf } from '../schemas/setting-of.ts'
import type { Summary } from '../schemas/summary.ts'
import type { BridgeEvent } from '../sim-bridge/bridge.ts'
import { scenarioOf } from '../sim-bridge/worlds.ts'
import { measureBaselines } from './baselines.ts'
import { learningCurve } from './view/curve.ts'
import { createPainter, stderrPainterOptions } from './view/painter.ts'
import { svgToPng } from './view/png.ts'
import type { FleetView, VehicleView } from './view/progress.ts'
import { mixMatrix, vehicleTable, verdictTable } from './view/tables.ts'

export interface FleetViewOptions {
  readonly config: Config
  readonly vehicles: readonly string[]
  readonly directory: string
  /** A line on stderr. */
  readonly print: (line: string) => void
}

/** What people see of a run: live on stderr, at the end tables, the matrix of mixes and the learning curve. */
export interface FleetReport {
  event(event: BridgeEvent): void
  /** A line that a process wrote. */
  line(process: string, text: string): void
  note(text: string): void
  /** The last lines of a process. */
  linesOf(process: string): readonly string[]
  /** Ends the live view, writes curve.svg and curve.png, returns the closing tables. */
  finish(summary: Summary): Promise<string>
  stop(): void
}

/** Lines of a process that are not news: progress comes as events. */
const routine = /^(epoch \d|listening on)/
const epochSeconds = 150

export function createFleetView({ config, vehicles, directory, print }: FleetViewOptions): FleetReport {
  const live = process.stderr.isTTY === true && process.env.TERM !== 'dumb'
  const painter = createPainter({ ...stderrPainterOptions(), lineMs: 0 })
  const startedAt = performance.now()
  const said = new Map<string, string[]>()
  const state = new Map<string, VehicleView>(vehicles.map((id) => [id, starting(id)]))
  const history: FleetView['history'][number][] = []
  const notes: string[] = []
  let baseline: FleetView['baseline']
  let epoch = 0

  const show = (): void => {
    painter.update({
      title: `trustmix  ${config.method} · ${settingOf(config).name} · ${config.preset} · ${config.sim} · seed ${config.seed}`,
      epoch,
      epochs: config.epochs,
      simTime: history.length * epochSeconds,
      elapsedMs: performance.now() - startedAt,
      ...(baseline && { baseline }),
      history,
      vehicles: [...state.values()],
      notes,
    })
  }
  const change = (id: string, next: (before: VehicleView) => Partial<VehicleView>): void => {
    const before = state.get(id)
    if (before) state.set(id, { ...before, ...next(before) })
  }
  const note = (text: string): void => {
    if (!live) {
      print(text)
      return
    }
    notes.push(text)
    if (notes.length > 20) notes.shift()
    show()
  }

  return {
    event(event) {
      if (event.kind === 'baseline') baseline = event
      if (event.kind === 'intervals')
        for (const [id, intervalS] of Object.entries(event.intervalS)) change(id, () => ({ intervalS }))
      if (event.kind === 'presence') change(event.vehicle, () => ({ state: event.state }))
      if (event.kind === 'note') note(event.text)
      if (event.kind === 'epoch') {
        epoch = event.epoch
        history.push({ epoch, nas: event.nas, meanSpeed: event.meanSpeed })
      }
      if (event.kind === 'answer') change(event.vehicle, (before) => answered(before, event.answer))
      if (live || event.kind === 'epoch') show()
    },
    line(process, text) {
      said.set(process, [...(said.get(process) ?? []), text].slice(-50))
      if (!routine.test(text)) note(`${process}: ${text}`)
    },
    note,
    linesOf: (process) => said.get(process) ?? [],
    async finish(summary) {
      painter.stop()
      await writeCurve(summary, config, directory, print)
      return closingTables(summary, state, directory)
    },
    stop: () => painter.stop(),
  }
}

function starting(id: string): VehicleView {
  return {
    id,
    state: 'starting',
    intervalS: Number.NaN,
    return: Number.NaN,
    samples: 0,
    updates: 0,
    accepted: 0,
    rejected: {},
  }
}

/** What an answer of the lock-step changes in a vehicle's row. */
function answered(
  before: VehicleView,
  answer: Extract<BridgeEvent, { kind: 'answer' }>['answer'],
): Partial<VehicleView> {
  if (answer.kind === 'learn') return { samples: answer.samples, updates: answer.updates, return: answer.return }
  if (answer.kind !== 'mix') return {}
  const rejected = { ...before.rejected }
  for (const { accepted, reason } of answer.verdicts) if (!accepted) rejected[reason] = (rejected[reason] ?? 0) + 1
  for (const [reason, count] of Object.entries(answer.refused)) rejected[reason] = (rejected[reason] ?? 0) + count
  return { accepted: before.accepted + answer.verdicts.filter(({ accepted }) => accepted).length, rejected }
}

async function writeCurve(
  summary: Summary,
  config: Config,
  directory: string,
  print: (line: string) => void,
): Promise<void> {
  const drivers = { label: 'drivers', meanSpeed: summary.baseline.meanSpeed }
  const others =
    config.sim === 'embedded' ? measureBaselines(scenarioOf(config), 10 * epochSeconds, settingOf(config).action) : []
  const svg = learningCurve({
    title: `Learning curve: ${summary.method}, setting ${summary.setting}, preset ${summary.preset}, ${summary.sim}`,
    subtitle: `mean speed of all ${config.vehicles} cars per epoch of ${epochSeconds} s, with exploration; seed ${summary.seed}`,
    history: summary.epochs,
    baselines: [drivers, ...others],
    label: summary.method,
  })
  writeAtomically(join(directory, 'curve.svg'), svg)
  try {
    writeAtomically(join(directory, 'curve.png'), await svgToPng(svg, 1560))
  } catch (error) {
    print(`curve.png was not written: ${(error as Error).message}`)
  }
}

function closingTables(summary: Summary, state: ReadonlyMap<string, VehicleView>, directory: string): string {
  const { vehicles, epochs, baseline } = summary
  const tail = epochs.slice(-Math.max(1, Math.round(epochs.length / 10)))
  const speed = tail.reduce((sum, entry) => sum + entry.meanSpeed, 0) / Math.max(1, tail.length)
  const rows = vehicles.map((id) => ({
    ...(state.get(id) ?? starting(id)),
    ...(summary.learners?.[id] ?? {}),
    policyHash: summary.policies[id] ?? '',
  }))
  return [
    vehicleTable(rows),
    'accepted mixes: row i took column j’s policy',
    mixMatrix(vehicles, summary.matrix),
    verdictTable(summary.verdicts),
    `last ${tail.length} of ${epochs.length} epochs: ${speed.toFixed(2)} m/s, × ${(speed / baseline.meanSpeed).toFixed(2)} of the drivers' ${baseline.meanSpeed.toFixed(2)} m/s`,
    `collisions ${summary.collisions}; ${summary.deterministic ? 'deterministic' : `not deterministic: ${summary.causes.join('; ')}`}`,
    `${directory}: summary.json, curve.svg, curve.png, policies/`,
  ].join('\n\n')
}
