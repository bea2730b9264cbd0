import type { HilReport, Timeline } from '../../schemas/hil-report.ts'
import { type Chart, line, small, verticalAxis } from '../experiment/report/chart.ts'
import { plotHtml } from '../experiment/report/html.ts'
import { fill, stroke } from '../experiment/report/palette.ts'
import { axisOf } from '../experiment/report/scale.ts'
import { element, label } from '../experiment/report/svg.ts'
import { ms } from '../report/report-text.ts'
import { chartBox, chartHeight, chartWidth, decade, logarithmicScale, timeChart } from './time-chart.ts'

/** The drawings of a run with one unit, each with its numbers as a table. */
export function hilFigures(report: HilReport): string[] {
  return [latencyFigure(report), roundTripFigure(report), memoryFigure(report), policyFigure(report)]
}

function latencyFigure({ decisions, devices, vehicle }: HilReport): string {
  const { bins } = decisions
  const times = devices[vehicle]?.roundTrip.decide
  const chart: Chart = {
    id: 'latency',
    title: 'Round trips of decisions',
    description: `How many decisions took how long, from question to answer; p50 ${ms(times?.p50 ?? null)} ms, p99 ${ms(times?.p99 ?? null)} ms, longest ${ms(times?.max ?? null)} ms.`,
    width: chartWidth,
    height: chartHeight,
    body: latencyBody(bins, [times?.p50 ?? null, times?.p99 ?? null]),
  }
  const rows = bins.filter(({ count }) => count > 0).map(({ toMs, count }) => [`≤ ${toMs}`, String(count)])
  return plotHtml(chart, { caption: 'Decisions by round trip', heads: ['ms', 'decisions'], rows })
}

function latencyBody(
  bins: HilReport['decisions']['bins'],
  [p50, p99]: readonly [number | null, number | null],
): string[] {
  const { left, top, width, height } = chartBox
  const bottom = top + height
  const { y, drawn } = verticalAxis(chartBox, axisOf([0, ...bins.map(({ count }) => count)], 4), 'decisions')
  // Bins are a sixth of a doubling wide.
  const lower = (toMs: number): number => toMs / 2 ** (1 / 6)
  const x = logarithmicScale(
    [...bins.map(({ toMs }) => toMs), ...bins.map(({ toMs }) => lower(toMs))],
    left,
    left + width,
  )
  const ticks = x.ticks.flatMap((tick) => [
    line(x.at(tick), top, x.at(tick), bottom, stroke('grid')),
    label({ ...small, x: x.at(tick), y: bottom + 17, 'text-anchor': 'middle' }, decade(tick)),
  ])
  const bars = bins.map(({ toMs, count }) => {
    const from = x.at(lower(toMs))
    return element('rect', {
      x: from,
      y: y(count),
      width: Math.max(0.5, x.at(toMs) - from),
      height: bottom - y(count),
      ...fill('c1'),
    })
  })
  const quantiles = [
    ['p50', p50],
    ['p99', p99],
  ] as const
  const marks = quantiles.flatMap(([name, value], i) =>
    value === null
      ? []
      : [
          line(x.at(value), top - 4, x.at(value), bottom, stroke('c2', 1.5)),
          label({ ...small, x: x.at(value), y: top - 8 - 14 * i, 'text-anchor': 'middle' }, name),
        ],
  )
  const name = label({ ...small, x: left + width / 2, y: bottom + 36, 'text-anchor': 'middle' }, 'ms')
  return [...ticks, ...drawn, ...bars, ...marks, name]
}

function roundTripFigure(report: HilReport): string {
  const { roundTrips, world, mode, deadline, durationS } = report
  const periodMs = mode === 'realtime' && world.targetRtf !== null ? stepMs(report) : null
  const limit = deadline.ms ?? periodMs
  const missed = roundTrips.stretches.filter(({ marks }) => marks > 0)
  const chart = timeChart({
    id: 'round-trips',
    title: 'Round trip over time',
    description: `Mean and longest round trip of decisions in stretches of ${roundTrips.stretchS} s; ticks on the upper edge: missed deadlines (${missed.reduce((sum, { marks }) => sum + marks, 0)}); dashed: the unit was lost or came back.`,
    yName: 'ms',
    logarithmic: true,
    untilS: durationS,
    curves: [
      { name: 'longest', colour: 'c5', points: pointsOf(roundTrips, 'max') },
      { name: 'mean', colour: 'c1', points: pointsOf(roundTrips, 'mean') },
    ],
    levels: limit === null ? [] : [{ name: deadline.ms === null ? 'one step' : 'deadline', value: limit }],
    marks: missed.map(({ atS }) => atS),
    events: report.connection.events.map(({ atS }) => atS),
  })
  return plotHtml(chart, timelineTable(roundTrips, 'Round trips of decisions', 'ms', 'missed'))
}

function memoryFigure({ memory, durationS, criteria, connection }: HilReport): string {
  const limit = criteria.find(({ criterion }) => criterion.startsWith('resident memory'))?.limit
  const chart = timeChart({
    id: 'memory',
    title: 'Memory of the unit',
    description:
      'Resident memory as the unit tells it after each round of learning; dashed: the unit was lost or came back.',
    yName: 'MiB',
    untilS: durationS,
    curves: [{ name: 'resident', colour: 'c3', points: pointsOf(memory, 'max') }],
    levels: limit === undefined ? [] : [{ name: 'limit', value: limit }],
    events: connection.events.map(({ atS }) => atS),
  })
  return plotHtml(chart, timelineTable(memory, 'Resident memory', 'MiB'))
}

function policyFigure({ policies, durationS, connection }: HilReport): string {
  const countsOf = (by: 'learn' | 'mix'): (readonly [number, number])[] => [
    [0, 0],
    ...policies.changes.filter((change) => change.by === by).map(({ atS }, i): [number, number] => [atS, i + 1]),
  ]
  const chart = timeChart({
    id: 'policies',
    title: 'Policy updates',
    description: `New policies of the unit so far, by its own learning and by mixes${policies.changes.length === 1_000 ? ' (the last 1000)' : ''}; dashed: the unit was lost or came back.`,
    yName: 'new policies',
    untilS: durationS,
    curves: [
      { name: 'learned', colour: 'c1', points: countsOf('learn'), steps: true },
      { name: 'mixed', colour: 'c3', points: countsOf('mix'), steps: true },
    ],
    events: connection.events.map(({ atS }) => atS),
  })
  const rows = policies.changes.map(({ atS, epoch, step, by, policyHash }) => [
    ...[atS.toFixed(2), String(epoch), String(step), by === 'learn' ? 'learned' : 'mixed', policyHash.slice(0, 12)],
  ])
  return plotHtml(chart, { caption: 'New policies', heads: ['s', 'epoch', 'step', 'by', 'policy'], rows })
}

/** Clock time of a step, ms. */
function stepMs({ world }: HilReport): number | null {
  if (world.targetRtf === null || world.steps === 0) return null
  return (1_000 * world.simulatedS) / world.steps / world.targetRtf
}

function pointsOf({ stretches, stretchS }: Timeline, of: 'mean' | 'max'): (readonly [number, number])[] {
  return stretches.flatMap(({ atS, [of]: value }) => (value === null ? [] : [[atS + stretchS / 2, value] as const]))
}

function timelineTable({ stretches }: Timeline, caption: string, unit: string, marked?: string) {
  const heads = ['from s', 'count', `mean ${unit}`, `max ${unit}`, ...(marked === undefined ? [] : [marked])]
  const rows = stretches.map(({ atS, count, mean, max, marks }) => [
    ...[atS.toFixed(2), String(count), ms(mean), ms(max)],
    ...(marked === undefined ? [] : [String(marks)]),
  ])
  return { caption, heads, rows }
}
