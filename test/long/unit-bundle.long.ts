import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../cli/commands.ts'
import { bin } from '../support/fleet.ts'
import { buildPackages, debIn, outsideFolder, packagedProgram, unpack, version } from '../support/packages.ts'
import { runProgram } from '../support/program.ts'
import { requireArm64Node, requireTool } from '../support/require.ts'

/** The program as it is in the package, run by the Node of the package: all commands, a fleet, its recordings. */
const vectors = fileURLToPath(new URL('../../../test/vectors/', import.meta.url))

t.setTimeout(1_800_000)

t.test('the packaged program', async (t) => {
  const folder = outsideFolder(t)
  const program = await packagedProgram(t, folder)
  if (!program) return
  const packaged = (...args: string[]) => runProgram([...program, ...args], { cwd: folder })
  const here = await runProgram([process.execPath, bin, ...gate()])
  t.match(here, { code: 0, stdout: /"policyAdvantage"/ })

  await t.test('every command runs from it; a gate says what it says elsewhere', async (t) => {
    t.match(await packaged('--version'), { code: 0, stdout: `${version}\n` })
    for (const name of Object.keys(commands))
      t.match(await packaged(name, '--help'), { code: 0, stdout: `trustmix ${name}` }, name)
    t.equal((await packaged(...gate())).stdout, here.stdout)
  })

  await t.test('a fleet of it records, and replays what it recorded', async (t) => {
    const size = ['--vehicles', '4', '--learners', '2', '--epochs', '1', '--hidden', '8,8']
    const driven = await packaged('fleet', ...size, '--run-dir', 'run', '--record-dir', 'logs', '--json')
    t.equal(driven.code, 0, driven.stderr)
    const { policies } = JSON.parse(driven.stdout) as { policies: Record<string, string> }
    t.same(Object.keys(policies), ['car01', 'car03'])
    const replayed = await packaged('replay', 'logs', '--json')
    t.equal(replayed.code, 0, replayed.stderr)
    const { identical, logs } = JSON.parse(replayed.stdout)
    t.equal(identical, true)
    const ends = logs.map(({ vehicle, policyHash }: Record<string, string>) => [vehicle, policyHash])
    t.same(Object.fromEntries(ends), policies)
  })

  await t.test('on arm64 too', async (t) => {
    const wrapper = requireArm64Node(t)
    if (wrapper === undefined || !requireTool(t, 'aarch64-linux-gnu-strip')) return
    const built = await buildPackages(['--deb-only', '--arch', 'arm64', '--out', folder])
    t.equal(built.code, 0, built.stderr)
    const program = await unpack(debIn(folder, 'arm64'), join(folder, 'arm64'))
    const libraries = join(dirname(wrapper), 'root/usr')
    const emulator = [join(libraries, 'bin/qemu-aarch64-static'), '-L', join(libraries, 'aarch64-linux-gnu')]
    const emulated = (...args: string[]) => runProgram([...emulator, ...program, ...args])
    t.equal((await emulated('--version')).stdout, `${version}\n`)
    t.equal((await emulated(...gate())).stdout, here.stdout)
  })
})

/** A gate on vectors whose verdict other tests check. */
function gate(): string[] {
  const [name = ''] = readdirSync(vectors, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  )
  const files = ['own', 'peer', 'experience', 'fisher']
  return ['gate', ...files.flatMap((file) => [`--${file}`, join(vectors, name, `${file}.safetensors`)]), '--json']
}
