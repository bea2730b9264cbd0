import { parseArgs } from 'node:util'
import { type SoakTotals, soakCases, soakSim } from '../support/soak-sim.ts'

const usage = `npm run soak:sim [-- --steps N] [--seed N] [--epoch N]: the embedded world against adversarial commands.

  --steps N   steps of the world (default 10000000)
  --seed N    seed of starts and commands (default 1)
  --epoch N   first epoch, to come back to where a run failed (default 0)

Ends with exit status 1 at the first value that cannot be.`

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    epoch: { type: 'string', default: '0' },
    help: { type: 'boolean' },
  },
})

function whole(name: 'steps' | 'seed' | 'epoch'): number {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} must be a whole number, got ${values[name]}`)
  return value
}

async function main(): Promise<void> {
  const steps = whole('steps')
  const begin = performance.now()
  let shown = begin
  const totals = await soakSim({
    steps,
    seed: whole('seed'),
    firstEpoch: whole('epoch'),
    epochSteps: 1500,
    onEpoch(totals) {
      const now = performance.now()
      if (now - shown < 5000) return
      shown = now
      const left = ((now - begin) * (steps - totals.steps)) / totals.steps / 1000
      process.stdout.write(`${share(totals.steps, steps)}  ${totals.steps} steps, ${Math.ceil(left)} s left\n`)
    },
  })
  process.stdout.write(table(totals, (performance.now() - begin) / 1000))
}

function share(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1).padStart(5)} %`
}

function table(totals: SoakTotals, seconds: number): string {
  const rows: [string, string][] = [
    ['combinations of rules', `${Math.min(totals.epochs, soakCases.length)} of ${soakCases.length}`],
    ['epochs', String(totals.epochs)],
    ['  ended by a collision', String(totals.terminated)],
    ['steps', String(totals.steps)],
    ['car-steps', String(totals.carSteps)],
    ['collisions', String(totals.collisions)],
    ['forced brakings', String(totals.forcedBrakings)],
    ['NaN commands', String(totals.nanCommands)],
    ['infinite commands', String(totals.infiniteCommands)],
    ['violations', '0'],
    ['time', `${seconds.toFixed(1)} s`],
  ]
  return rows.map(([name, value]) => `${name.padEnd(24)}${value.padStart(14)}\n`).join('')
}

if (values.help) process.stdout.write(`${usage}\n`)
else {
  try {
    await main()
  } catch (error) {
    process.stderr.write(`soak:sim: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
