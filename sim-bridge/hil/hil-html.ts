import type { HilReport } from '../../schemas/hil-report.ts'
import { code, list, pageHtml, paragraph, section, sideBySide, tableHtml } from '../experiment/report/html.ts'
import { hilFigures } from './hil-figures.ts'
import { clockLines, factRows, faultHeads, faultRows, roundTripHeads, roundTripRows } from './hil-text.ts'

/** One page that needs nothing else and no script; well-formed as XML too. */
export function hilHtml(report: HilReport): string {
  const { vehicle, target, run, begun, complete, cause, passed, criteria, faults, log, machine, causes, connection } =
    report
  const sections = [
    section(
      'result',
      passed ? 'Result: all limits kept' : 'Result: limits not kept',
      ...(complete ? [] : [paragraph(`Partial: the run did not reach its end (${cause}).`)]),
      tableHtml({
        caption: 'Limits',
        heads: ['subject', 'limit', 'found', 'kept'],
        rows: criteria.map(({ subject, criterion, limit, found, passed: kept }) => [
          `${subject}: ${criterion}`,
          `≤ ${limit}`,
          found === null ? 'nothing' : String(Number(found.toFixed(3))),
          kept ? 'yes' : 'no',
        ]),
      }),
    ),
    section(
      'unit',
      'Unit',
      list(factRows(report).map(([name, text]) => `${name}: ${text}`)),
      tableHtml({
        caption: 'Round trips, seen from the workstation',
        heads: roundTripHeads(report),
        rows: roundTripRows(report),
      }),
      ...clockLines(report).map(paragraph),
    ),
    section('figures', 'Figures', sideBySide(...hilFigures(report))),
    ...(faults.length > 0
      ? [
          section(
            'faults',
            'Faults',
            tableHtml({ caption: 'What each fault did', heads: faultHeads, rows: faultRows(report) }),
          ),
        ]
      : []),
    section(
      'events',
      'Events',
      list([
        ...connection.events.map(
          ({ atS, kind, boot, connection: n }) => `${atS.toFixed(1)} s: ${kind} (boot ${boot}, connection ${n})`,
        ),
        ...causes,
      ]),
      ...(log.length > 0
        ? [code(log.map(({ atS, level, event, text }) => `${atS.toFixed(1)} s ${level} ${event}: ${text}`).join('\n'))]
        : []),
      ...(machine && machine.journal.length > 0 ? [code(machine.journal.join('\n'))] : []),
    ),
  ]
  const said = `Unit ${vehicle} (${target}), run ${run}, begun ${begun}.`
  return pageHtml(`Hardware in the loop: ${vehicle}`, paragraph(said), ...sections)
}
