import type { StudyResults } from '../../../schemas/study.ts'
import { type Analysis, analyse } from './analysis.ts'
import { chartFile } from './chart.ts'
import { matrixOf, speedChart } from './figures.ts'
import { reportHtml } from './report-html.ts'
import { reportJson } from './report-json.ts'
import { summaryText } from './summary-text.ts'

/**
 * Hands every file of a report to `write`: `report.html`, `report.json`, `summary.txt`, `figure3.svg` and, for each method
 * that judges peers, `figure4.svg` (the first of them) and `figure4-<label>.svg`. Equal results give equal bytes.
 */
export function writeReport(results: StudyResults, write: (name: string, content: string) => void): Analysis {
  const analysis = analyse(results)
  write('report.html', reportHtml(analysis))
  write('report.json', reportJson(analysis))
  write('summary.txt', summaryText(analysis))
  write('figure3.svg', chartFile(speedChart(analysis)))
  const judging = analysis.methods.filter(({ judged }) => judged.judgesPeers)
  for (const [i, method] of judging.entries()) {
    const file = chartFile(matrixOf(method, 'referred'))
    if (i === 0) write('figure4.svg', file)
    write(`figure4-${method.label}.svg`, file)
  }
  return analysis
}
