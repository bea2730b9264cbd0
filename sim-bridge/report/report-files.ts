import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { makeDirectory } from '../../device/directory.ts'
import type { Config } from '../../schemas/config.ts'
import { ExitError } from '../../schemas/exit.ts'
import type { Report } from '../../schemas/report.ts'
import type { Summary } from '../../schemas/summary.ts'
import { junitXml, tapText } from './report-text.ts'

/** Writes `summary.json` of the run's directory and, where a report is asked for, its three files. */
export function writeReports(config: Config, summary: Summary, report: Report): void {
  if (config.runDir !== null) writeAtomically(join(config.runDir, 'summary.json'), document(summary))
  const directory = reportDirectory(config)
  if (directory === null) return
  writeAtomically(join(directory, 'report.json'), document(report))
  writeAtomically(join(directory, 'junit.xml'), junitXml(report))
  writeAtomically(join(directory, 'tap.txt'), tapText(report))
}

function document(value: Summary | Report): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Whether a run says how it kept its time. */
export function isReported({ realtime, faults, report, judge, deadlineMs }: Config): boolean {
  return realtime || judge || faults !== null || report !== null || deadlineMs !== null
}

/** Where the files of the report go; null: nowhere. */
function reportDirectory(config: Config): string | null {
  return config.report ?? (isReported(config) ? config.runDir : null)
}

/** Makes the directory that an option names; ExitError 2 where it cannot be, or a file in it. */
export function prepareDirectory(option: 'run-dir' | 'report', directory: string): void {
  const probe = join(directory, `.writable-${process.pid}`)
  try {
    makeDirectory(directory)
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (error) {
    throw new ExitError('usage', `--${option} must be a writable directory: ${(error as Error).message}`)
  }
}
