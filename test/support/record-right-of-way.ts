// Drives the runs of test/reference/right-of-way on SUMO and prints them as JSON:
//   node build/test/support/record-right-of-way.js > test/reference/right-of-way/runs.json
import { createSumoSimulator } from '../../sim-bridge/sumo/sumo-simulator.ts'
import { measureRun, optionsOf, rightOfWayPlan } from './right-of-way-runs.ts'

const rows: string[] = []
for (const run of rightOfWayPlan) {
  const simulator = await createSumoSimulator(optionsOf(run))
  const figures = await measureRun(simulator, run.controller)
  rows.push(JSON.stringify({ ...run, figures }, (_, value) => (typeof value === 'number' ? round(value) : value)))
  await simulator.close()
}
process.stdout.write(`[\n${rows.join(',\n')}\n]\n`)

function round(value: number): number {
  return Math.round(value * 1e5) / 1e5
}
