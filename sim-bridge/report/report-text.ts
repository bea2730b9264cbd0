import type { Criterion, Report } from '../../schemas/report.ts'

/** The report as tables for people. */
export function reportTables(report: Report): string {
  const { world, devices, faults, criteria } = report
  const failed = criteria.filter(({ passed }) => !passed)
  const verdict =
    failed.length === 0
      ? `all ${criteria.length} limits kept`
      : `${failed.length} of ${criteria.length} limits not kept`
  return [
    describeClock(report),
    table([
      [
        'device',
        'decide',
        'p50 ms',
        'p99 ms',
        'p99.9 ms',
        'max ms',
        'learn p99',
        'mix p99',
        'missed',
        'learning',
        'left out',
        'held',
        'handed over',
        'away',
        'fallback',
        'repeated',
      ],
      ...Object.entries(devices).map(([id, d]) => [
        ...[
          id,
          String(d.decisions),
          ms(d.roundTrip.decide.p50),
          ms(d.roundTrip.decide.p99),
          ms(d.roundTrip.decide.p999),
        ],
        ...[ms(d.roundTrip.decide.max), ms(d.roundTrip.learn.p99), ms(d.roundTrip.mix.p99)],
        ...[
          d.misses,
          d.missesWhileLearning,
          d.leftOut,
          d.lateHeldSteps,
          d.handedOverSteps,
          d.awaySteps,
          d.fallbacks,
          d.repeats,
        ].map(String),
      ]),
    ]),
    ...(world.jitter
      ? [
          `steps by delay: ${world.jitterBins
            .filter(({ count }) => count > 0)
            .map(({ toMs, count }) => `${toMs === null ? 'more' : `≤ ${toMs} ms`}: ${count}`)
            .join('  ')}`,
        ]
      : []),
    ...(faults.length > 0 ? [faultTable(report)] : []),
    [verdict, ...failed.map((criterion) => `  ${sentence(criterion)}`)].join('\n'),
  ].join('\n\n')
}

/** What is told of the limits of a run. */
export interface Judged {
  readonly run: string
  readonly world: Pick<Report['world'], 'clockS'>
  readonly criteria: readonly Criterion[]
}

/** JUnit XML: one suite, one test case per subject and criterion. */
export function junitXml({ run, criteria, world }: Judged): string {
  const failures = criteria.filter(({ passed }) => !passed).length
  const cases = criteria.map((criterion) => {
    const name = `classname="${xml(criterion.subject)}" name="${xml(nameOf(criterion))}"`
    if (criterion.passed) return `    <testcase ${name}/>`
    return `    <testcase ${name}>\n      <failure message="${xml(sentence(criterion))}"/>\n    </testcase>`
  })
  const counts = `tests="${criteria.length}" failures="${failures}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${xml(`trustmix ${run}`)}" ${counts} errors="0" skipped="0" time="${world.clockS.toFixed(3)}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

/** TAP version 14: one test point per subject and criterion. */
export function tapText({ criteria }: Pick<Judged, 'criteria'>): string {
  const points = criteria.flatMap((criterion, i) => {
    const point = `ok ${i + 1} - ${criterion.subject}: ${nameOf(criterion)}`
    if (criterion.passed) return [point]
    return [`not ${point}`, '  ---', `  limit: ${criterion.limit}`, `  found: ${criterion.found}`, '  ...']
  })
  return ['TAP version 14', `1..${criteria.length}`, ...points, ''].join('\n')
}

function describeClock({ world, mode, deadline }: Report): string {
  const rtf = world.rtf === null ? '–' : world.rtf.toPrecision(3)
  const speed = `${world.simulatedS.toFixed(1)} simulated seconds in ${world.clockS.toFixed(1)} s: real-time factor ${rtf}`
  if (mode === 'lock-step' || !world.jitter) return `${speed} (lock-step)`
  const rule = deadline.ms === null ? 'the step that it is for' : `${deadline.ms} ms`
  const { p50, p99, max } = world.jitter
  return [
    `${speed} of ${world.targetRtf?.toPrecision(3)}; deadline of a decision: ${rule}`,
    `steps late by p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)} ms; schedule moved ${world.rebases} times, by ${ms(world.lostMs)} ms in all; rounds left out: ${world.roundsLeftOut}`,
  ].join('\n')
}

function faultTable({ faults }: Report): string {
  return table([
    [
      'fault',
      'window s',
      'vehicles',
      'messages',
      'missed',
      'left out',
      'held',
      'handed over',
      'away',
      'fallback',
      'repeated',
      'ignored',
      'refused',
      'left',
    ],
    ...faults.map(({ fault, messages, effects: e }) => [
      ...[fault.kind, `${fault.epoch === undefined ? '' : `${fault.epoch}: `}${fault.at}–${fault.until}`],
      Array.isArray(fault.vehicles) ? fault.vehicles.join(' ') : 'all',
      ...[
        messages,
        e.misses,
        e.leftOut,
        e.lateHeldSteps,
        e.handedOverSteps,
        e.awaySteps,
        e.fallbacks,
        e.repeats,
        e.ignored,
        e.refused,
        e.left,
      ].map(String),
    ]),
  ])
}

function nameOf({ criterion, limit }: Criterion): string {
  return `${criterion}: at most ${limit}`
}

/** The rule and what was found. */
export function sentence(criterion: Criterion): string {
  return `${criterion.subject}: ${nameOf(criterion)}, got ${criterion.found ?? 'nothing'}`
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n')
}

/** A time to three digits; a dash where there is none. */
export function ms(value: number | null): string {
  return value === null ? '–' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}

function xml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
