import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { requirePython } from './support/require.ts'

const checks = fileURLToPath(new URL('../../test/python/check_environments.py', import.meta.url))
const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))

for (const [check, name, passed] of [
  ['gymnasium', "Gymnasium's check_env passes for every view and action", /check_env passed: gaps timeGap/],
  ['pettingzoo', "PettingZoo's parallel_api_test and parallel_seed_test pass", /parallel_seed_test passed/],
  ['own', 'seeds repeat, epochs truncate, refusals are raised, close ends the server', /own checks passed/],
] as const) {
  t.test(name, async (t) => {
    const python = await requirePython(t, ['gymnasium', 'pettingzoo', 'numpy'])
    if (python === undefined) return
    const command = [process.execPath, main, 'sim-bridge', '--serve', '--start-jitter', '1']
    const { error, stdout, stderr } = await run(python, [checks, check, ...command])
    t.equal(error, null, stderr)
    t.match(stdout, passed)
    t.comment(stdout.trim())
  })
}

function run(program: string, args: readonly string[]): Promise<{ error: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => resolve({ error, stdout, stderr }))
  })
}
