import { readFileSync } from 'node:fs'
import { median } from './measure.ts'
import { type Episode, singleAgentDefaults } from './single-agent-ppo.ts'

/**
 * How far two trainings on the same draws part: relative difference of the returns of the same epochs, per rollout (an
 * epoch counts to the rollout in which it ends). Command: npm run bench:cleanrl-paired -- A.jsonl B.jsonl
 */
const [first = [], second = []] = process.argv.slice(2).map(readEpisodes)
const differences: number[][] = []
for (const [k, { decision, return: value }] of first.entries()) {
  const other = second[k]
  if (other === undefined) break
  const rollout = Math.floor((decision - 1) / singleAgentDefaults.rolloutSize)
  const row = differences[rollout] ?? []
  differences[rollout] = row
  row.push(Math.abs(value - other.return) / Math.abs(other.return))
}
for (const [rollout, row] of differences.entries())
  console.log(
    `after ${rollout} updates: ${row.length} epochs, relative difference of the return ${median(row).toExponential(1)} (median), ${Math.max(...row).toExponential(1)} (largest)`,
  )

function readEpisodes(path: string): Episode[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}
