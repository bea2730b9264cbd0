import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { type ArchitectureName, architectures } from './architecture.ts'
import { buildCard } from './board/build.ts'
import { type BundledPackage, bundleApp } from './bundle.ts'
import { buildDeb } from './deb.ts'
import { provideNode } from './node-binary.ts'
import { type ImageOptions, readImageOptions, usage } from './options.ts'
import { bundlePage } from './page.ts'
import { runTool } from './tool.ts'
import { compileValidators } from './validators.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Builds what is asked for into the folder of `--out`; prints the name of each file. */
async function buildImage({ out, names, node, version, card }: ImageOptions): Promise<void> {
  const epochS = await sourceDate()
  const work = mkdtempSync(join(tmpdir(), 'trustmix-image-'))
  try {
    const app = join(work, 'app')
    // What is beside the bundled program is where that looks for it (`bundle.ts`).
    const packages = united(
      await bundleApp(root, app),
      await bundlePage(root, join(app, 'build/cli/page')),
      await compileValidators(root, join(app, 'build/cli/compiled')),
    )
    for (const path of ['package.json', 'studies']) cpSync(join(root, path), join(app, path), { recursive: true })
    cpSync(join(root, 'build/device/kernel/kernel.wasm'), join(app, 'build/kernel/kernel.wasm'))
    const build = async (architecture: ArchitectureName): Promise<string[]> => {
      const own = join(work, architecture)
      mkdirSync(own)
      const provided = await provideNode(architecture, own, node)
      return buildDeb({ ...{ root, app, packages, node: provided, architecture, version, epochS, out }, work: own })
    }
    const built: string[] = []
    const buildAll = async (): Promise<void> => void built.push(...(await Promise.all(names.map(build))).flat())
    if (card) {
      const own = join(work, 'card')
      mkdirSync(own)
      const named = (end: string): string => join(out, `trustmix_${version}_arm64.${end}`)
      const unit = async () => {
        await stage('package', buildAll())
        return { deb: named('deb'), bill: readFileSync(named('cdx.json'), 'utf8') }
      }
      built.push(...(await buildCard(card, { source: root, version, epochS, unit, work: own, out, stage })))
    } else await buildAll()
    writeFileSync(join(out, 'SHA256SUMS'), sums(out))
    for (const name of [...built, 'SHA256SUMS']) process.stdout.write(`${join(out, name)}\n`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Says on stderr what is being done, and how long it took. */
async function stage<T>(name: string, work: Promise<T>): Promise<T> {
  const began = performance.now()
  process.stderr.write(`${name} …\n`)
  const result = await work
  process.stderr.write(`${name}: ${((performance.now() - began) / 1_000).toFixed(1)} s\n`)
  return result
}

/** Each package once, by name. */
function united(...lists: readonly BundledPackage[][]): BundledPackage[] {
  const all = new Map(lists.flat().map((one) => [`${one.name}@${one.version}`, one]))
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

/** https://reproducible-builds.org/docs/source-date-epoch/; else the time of the last commit, else that of package.json. */
async function sourceDate(): Promise<number> {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) {
    if (/^\d{1,10}$/.test(given)) return Number(given)
    throw new ExitError('usage', `SOURCE_DATE_EPOCH must be whole seconds since 1970, got ${given}`)
  }
  try {
    return Number(await runTool('git', ['-C', root, 'log', '-1', '--format=%ct'], { from: 'git' }))
  } catch {
    return Math.floor(statSync(join(root, 'package.json')).mtimeMs / 1_000)
  }
}

/** Of everything of ours in the folder, as `sha256sum --check` reads it. */
function sums(out: string): string {
  return readdirSync(out)
    .filter((name) => /^trustmix[_-].*\.(deb|cdx\.json|img\.zst|raucb)$/.test(name))
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex')}  ${name}\n`,
    )
    .join('')
}

async function main(args: readonly string[]): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  if (args.includes('--help')) process.stdout.write(`${usage(Object.keys(architectures))}\n`)
  else await buildImage(readImageOptions(args, { version, out: resolve(root, 'dist') }))
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const expected = error instanceof ExitError
  process.stderr.write(`image: ${expected ? error.message : (error as Error).stack}\n`)
  process.exitCode = expected ? error.code : exitCodes.internal
})
