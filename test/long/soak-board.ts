import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Parser } from 'tap-parser'

const usage = `npm run soak:board [-- --cycles N]: cards on emulated boards, for hours; Linux, root.

  --cycles N   starts of QEMU's virt that are cut off (default 20)

Then raspi3b to its first verdict, trustmix hil with an emulated board, the arm64 package in an emulated root, and the update of
a card. Ends with exit status 1 where something failed.`

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '20' }, help: { type: 'boolean' } } })

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(`${usage}\n`)
  if (!/^[1-9]\d*$/.test(values.cycles))
    throw new Error(`--cycles must be a whole number above 0, got ${values.cycles}`)
  const totals = { passed: 0, failed: 0, skipped: 0 }
  for (const [name, ...args] of [['board-soak', `--cycles=${values.cycles}`], ['board-update']] as const) {
    const file = fileURLToPath(new URL(`${name}.long.js`, import.meta.url))
    if (!existsSync(file)) continue
    const ended = await runTest(file, args)
    for (const key of ['passed', 'failed', 'skipped'] as const) totals[key] += ended[key]
  }
  const { passed, failed, skipped } = totals
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  if (failed > 0) process.exitCode = 1
}

/** Runs a file of tests and passes on what it prints; counts the single assertions. A failing exit status is a failure too. */
async function runTest(file: string, args: readonly string[]) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const count = (parser: Parser): void => {
    parser.on('child', count)
    parser.on('assert', ({ ok, skip, todo, name }) => {
      if (skip || todo) counts.skipped++
      else if (!ok) counts.failed++
      else if (!name.startsWith('# Subtest')) counts.passed++
    })
  }
  const parser = new Parser()
  count(parser)
  child.stdout.pipe(parser)
  child.stdout.pipe(process.stdout, { end: false })
  const [[code]] = await Promise.all([once(child, 'exit'), once(parser, 'complete')])
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

await main()
