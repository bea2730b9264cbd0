import { join } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import type { HilReport } from '../../schemas/hil-report.ts'
import { hilHtml } from '../../sim-bridge/hil/hil-html.ts'
import { junitXml, tapText } from '../../sim-bridge/report/report-text.ts'

/** Writes the four files of a report. */
export function writeHilReport(directory: string, report: HilReport): void {
  writeAtomically(join(directory, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeAtomically(join(directory, 'report.html'), hilHtml(report))
  writeAtomically(join(directory, 'junit.xml'), junitXml(report))
  writeAtomically(join(directory, 'tap.txt'), tapText(report))
}
