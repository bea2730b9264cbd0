import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { identityEngines } from '../support/identity-engines.ts'
import { requireArm64Node } from '../support/require.ts'

/** The same bits on x86-64 and on arm64. Command: npm run test:arm64 */
const program = fileURLToPath(new URL('../support/identity-program.js', import.meta.url))
const engines = Object.keys(identityEngines)
const common = ['elementary functions', 'noise streams', 'driven cars']
const perEngine = ['advantages', 'actions', '320 PPO steps', 'verdicts', 'cars driven by policies']
const epochs = ['gated epoch, headway', 'gated epoch, letter']

// An emulated processor is 5 to 30 times slower, and this machine may have other work.
t.setTimeout(1_800_000)

for (const parts of [common, ...engines.flatMap((name) => [named(name, perEngine), named(name, epochs)])]) {
  t.test(`the same bits on arm64: ${parts.join('; ')}`, async (t) => {
    const arm64Node = requireArm64Node(t)
    if (arm64Node === undefined) return
    const here = await digests(process.execPath, parts)
    const there = await digests(arm64Node, parts)
    t.equal(there.processor, 'arm64')
    t.same([...here.parts.keys()], parts, 'everything was computed')
    for (const [name, digest] of here.parts) {
      t.match(digest, /^[0-9a-f]{64}$/)
      t.equal(there.parts.get(name), digest, name)
    }
  })
}

function named(engine: string, parts: readonly string[]): string[] {
  return parts.map((part) => `${engine}: ${part}`)
}

async function digests(node: string, parts: readonly string[]) {
  const { stdout } = await promisify(execFile)(node, [program, ...parts])
  const [processor = '', ...lines] = stdout.trimEnd().split('\n')
  return { processor, parts: new Map(lines.map((line) => [line.slice(65), line.slice(0, 64)])) }
}
