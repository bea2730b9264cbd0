import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'

/** A package of npm of which there is code in the bundle. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly licence: string
  readonly licenceText: string
}

/**
 * Bundles the built command into `folder`/build/cli, where it finds its neighbours (package.json, studies/, the kernels) as in
 * the package of npm: one file per command and what they share, so that a device loads no code of others. Returns the
 * packages that are in it, by name. TensorFlow.js and sparkplug-payload (EPL-2.0, no matter of
 * a unit) are left out: where they are wanted they are installed beside.
 */
export async function bundleApp(root: string, folder: string): Promise<BundledPackage[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['main', 'bounded-thread', 'experiment-worker', 'board/port-pipe'].map(
      (name) => `build/cli/${name}.js`,
    ),
    outdir: join(folder, 'build', 'cli'),
    ...{ bundle: true, splitting: true, metafile: true },
    ...{ format: 'esm', platform: 'node', target: 'node20', logLevel: 'error', legalComments: 'none' },
    ...{ entryNames: '[name]', chunkNames: '[name]-[hash]', external: ['@tensorflow/*', 'sparkplug-payload'] },
    // What is CommonJS in the bundle asks for Node's own modules by `require`.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)",
    },
  })
  return bundledPackages(root, metafile)
}

/** The packages of which there is code in what was bundled, by name. */
export function bundledPackages(root: string, metafile: Metafile): BundledPackage[] {
  const folders = new Set<string>()
  for (const { inputs } of Object.values(metafile.outputs))
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const found = bytesInOutput > 0 && /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)
      if (found) folders.add(found[0])
    }
  const packages = [...folders].map((path) => describe(join(root, path)))
  return packages.sort((a, b) => compare(`${a.name}@${a.version}`, `${b.name}@${b.version}`))
}

/** The parts of a package.json that count here; `licenses` is the form of old ones. */
interface PackageFile {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly licenses?: readonly { readonly type: string }[]
}

function describe(folder: string): BundledPackage {
  const found: PackageFile = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const { name, version, licenses, license = licenses?.map(({ type }) => type).join(' OR ') } = found
  if (!name || !version || !license) throw new Error(`${folder}/package.json must have name, version and license`)
  const file = readdirSync(folder)
    .sort()
    .find((entry) => /^licen[cs]e/i.test(entry))
  return { name, version, licence: license, licenceText: file ? readFileSync(join(folder, file), 'utf8') : '' }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
