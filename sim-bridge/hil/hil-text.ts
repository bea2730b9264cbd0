import { emulatedMachine } from '../../schemas/config-hil.ts'
import type { HilReport } from '../../schemas/hil-report.ts'
import { counted, wrap } from '../experiment/report/text.ts'
import { ms, sentence, table } from '../report/report-text.ts'
import { largestOf } from './hil-report.ts'

/** The report for a terminal of 80 columns. */
export function hilText(report: HilReport): string {
  const { vehicle, target, run, complete, cause, faults, criteria } = report
  const failed = criteria.filter(({ passed }) => !passed)
  const verdict =
    failed.length === 0
      ? `all ${criteria.length} limits kept`
      : `${failed.length} of ${criteria.length} limits not kept`
  return [
    [`unit ${vehicle} (${target}), run ${run}${complete ? '' : `: PARTIAL, ${cause}`}`, ...clockLines(report)].join(
      '\n',
    ),
    table([roundTripHeads(report), ...roundTripRows(report)]),
    factRows(report)
      .flatMap(([name, text]) => wrap(text, 80, name.padEnd(12), ' '.repeat(12)))
      .join('\n'),
    ...(faults.length > 0 ? [table([faultHeads, ...faultRows(report)])] : []),
    [verdict, ...failed.map((criterion) => `  ${sentence(criterion)}`)].join('\n'),
  ].join('\n\n')
}

/** Simulated and clock time, and how the steps kept to it. */
export function clockLines({ world, mode, epochs }: HilReport): string[] {
  const driven = `${counted(epochs.length, 'epoch')} whole, ${world.simulatedS.toFixed(1)} simulated s in ${world.clockS.toFixed(1)} s`
  if (mode === 'lock-step' || !world.jitter) return [`${driven} (lock-step)`]
  const { p50, p99, max } = world.jitter
  return [
    `${driven}: real-time factor ${world.rtf?.toPrecision(3) ?? '–'} of ${world.targetRtf?.toPrecision(3)}`,
    `steps late by p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)} ms; schedule moved ${world.rebases} times`,
  ]
}

export function roundTripHeads({ target }: HilReport): string[] {
  return [`round trips${emulatedMark(target)}`, 'count', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms']
}

/** Stands beside every time of an emulated board. */
function emulatedMark(target: string): string {
  return emulatedMachine(target) === undefined ? '' : ' (emulated)'
}

/** Per kind of question: count and percentiles of the unit's round trips, ms. */
export function roundTripRows({ devices, vehicle }: HilReport): string[][] {
  const kinds = [
    ['decisions', 'decide'],
    ['learning', 'learn'],
    ['mixing', 'mix'],
  ] as const
  return kinds.map(([name, kind]) => {
    const times = devices[vehicle]?.roundTrip[kind]
    return [
      name,
      String(times?.count ?? 0),
      ...[times?.p50, times?.p99, times?.p999, times?.max].map((t) => ms(t ?? null)),
    ]
  })
}

/** What the report says of the unit, by name. */
export function factRows(report: HilReport): (readonly [string, string])[] {
  const mark = emulatedMark(report.target)
  const { unit, connection, policies, verdicts, machine, identity, devices, vehicle, decisions } = report
  const device = devices[vehicle]
  const memory = largestOf(report.memory)
  const rejected = Object.entries(verdicts).filter(([reason]) => reason !== 'accepted')
  return [
    ['software', `${unit.software ?? 'unknown'}, engine ${unit.engine ?? 'unknown'}`],
    ['unit', `boot ${unit.boot}, connection ${unit.connection}, clock ${unit.clock ?? 'unknown'}`],
    [
      'deadlines',
      `${device?.misses ?? 0} of ${device?.decisions ?? 0} missed, ${decisions.outsideFaults.misses} of them outside faults${mark && `${mark}: not judged`}`,
    ],
    [
      'driven',
      `${device?.lateHeldSteps ?? 0} steps held, ${device?.handedOverSteps ?? 0} handed over, ${device?.awaySteps ?? 0} away${mark}`,
    ],
    ['fallbacks', String(device?.fallbacks ?? 0)],
    ['memory', memory === null ? 'not told' : `at most ${memory.toFixed(0)} MiB resident`],
    [
      'restarts',
      `${connection.restarts}; connected again ${connection.reconnects} times, left ${device?.left ?? 0} times`,
    ],
    [
      'policy',
      `${counted(policies.updates, 'update')}, ${counted(policies.mixes, 'round')} with a mix, ${short(policies.last)}`,
    ],
    [
      'verdicts',
      `${verdicts.accepted ?? 0} accepted${rejected.map(([reason, count]) => `, ${count} ${reason}`).join('')}`,
    ],
    ...(machine ? [['machine', machineText(machine.after)] as const] : []),
    ...(identity ? [['replay', identityText(identity)] as const] : []),
  ]
}

export const faultHeads = [
  'fault',
  'window s',
  'messages',
  'missed',
  'held',
  'handed over',
  'fallback',
  'repeated',
  'left',
]

/** Each fault of the scenario with what it did. */
export function faultRows({ faults }: HilReport): string[][] {
  return faults.map(({ fault, messages, effects: e }) => [
    fault.kind,
    `${fault.epoch === undefined ? '' : `${fault.epoch}: `}${fault.at}–${fault.until}`,
    ...[messages, e.misses, e.lateHeldSteps, e.handedOverSteps, e.fallbacks, e.repeats, e.left].map(String),
  ])
}

function machineText({
  restarts,
  memoryMib,
  mainPid,
  activeState,
  trouble,
}: NonNullable<HilReport['machine']>['after']): string {
  if (trouble !== null) return trouble
  return `${activeState ?? 'unknown'}, ${restarts ?? '?'} restarts, ${memoryMib?.toFixed(0) ?? '?'} MiB, pid ${mainPid ?? '?'}`
}

function identityText({ identical, records, detail }: NonNullable<HilReport['identity']>): string {
  return identical ? `identical, ${counted(records, 'record')}` : `not identical: ${detail ?? 'no reason was given'}`
}

/** The first digits of a hash, as tables show it. */
function short(hash: string | null): string {
  return hash === null ? 'no policy told' : `policy ${hash.slice(0, 12)}`
}
