import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { ArchitectureName } from './architecture.ts'
import type { BundledPackage } from './bundle.ts'
import { copyright } from './copyright.ts'
import type { NodeBinary } from './node-binary.ts'
import { softwareBill } from './sbom.ts'
import { createStage } from './stage.ts'
import { runTool } from './tool.ts'

export interface DebOptions {
  /** Of the repository. */
  readonly root: string
  /** The bundled program (`bundleApp`) and what is in it. */
  readonly app: string
  readonly packages: readonly BundledPackage[]
  readonly node: NodeBinary
  readonly architecture: ArchitectureName
  readonly version: string
  /** Time of everything in the package, s since 1970. */
  readonly epochS: number
  /** An empty folder. */
  readonly work: string
  readonly out: string
}

/** Libraries that a program of nodejs.org is linked to, with the oldest versions that have its symbols; and what the unit calls. */
const depends = 'libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 5.2), systemd (>= 247), passwd'

/** By which `trustmix update check` judges the arithmetic of an installed package. */
const vectors = 'test/vectors/case-2'

/** Writes `out`/trustmix_VERSION_ARCH.deb and its bill of materials; the same bytes for the same content. Returns their names. */
export async function buildDeb(options: DebOptions): Promise<string[]> {
  const { root, app, packages, node, architecture, version, epochS, work, out } = options
  const stage = createStage(join(work, 'root'))
  const source = (path: string): Buffer => readFileSync(join(root, path))
  const own = (name: string): Buffer => source(`image/files/${name}`)
  const doc = 'usr/share/doc/trustmix'
  const bill = softwareBill({ version, architecture, packages, node, epochS })

  for (const path of listFiles(app)) stage.put(`usr/lib/trustmix/app/${path}`, readFileSync(join(app, path)))
  stage.put('usr/lib/trustmix/node', node.bytes, 0o755)
  for (const name of ['configured', 'provision-unit']) stage.put(`usr/lib/trustmix/${name}`, own(name), 0o755)
  for (const name of listFiles(join(root, vectors)))
    stage.put(`usr/lib/trustmix/vectors/case-2/${name}`, source(`${vectors}/${name}`))
  stage.put('usr/bin/trustmix', own('trustmix'), 0o755)
  stage.put('usr/lib/systemd/system/trustmix.service', own('trustmix.service'))
  stage.put('usr/lib/sysusers.d/trustmix.conf', own('sysusers.conf'))
  stage.put('etc/trustmix/device.json', own('device.json'))
  stage.put(`${doc}/copyright`, copyright(packages, node))
  stage.put(`${doc}/changelog.gz`, gzipSync(source('CHANGELOG.md'), { level: 9 }))
  stage.put(`${doc}/unit.md`, source('docs/unit.md'))
  stage.put(`${doc}/sbom.cdx.json`, bill)

  const [md5sums, sizeKiB] = [stage.md5sums(), stage.sizeKiB()]
  for (const name of ['postinst', 'prerm', 'postrm']) stage.put(`DEBIAN/${name}`, own(name), 0o755)
  stage.put('DEBIAN/conffiles', '/etc/trustmix/device.json\n')
  stage.put('DEBIAN/md5sums', md5sums)
  stage.put('DEBIAN/control', control(version, architecture, sizeKiB))
  stage.settle(epochS)

  mkdirSync(out, { recursive: true })
  const name = `trustmix_${version}_${architecture}`
  const built = join(work, 'built.deb')
  // One thread: with more of them xz writes other bytes. The lowest level costs 3 MB and saves most of the time.
  await runTool(
    'dpkg-deb',
    ['--root-owner-group', '--threads-max=1', '-Zxz', '-z1', '--build', join(work, 'root'), built],
    { environment: { SOURCE_DATE_EPOCH: String(epochS) }, from: 'dpkg' },
  )
  writeFileSync(join(out, `${name}.deb.part`), readFileSync(built))
  renameSync(join(out, `${name}.deb.part`), join(out, `${name}.deb`))
  writeFileSync(join(out, `${name}.cdx.json`), bill)
  return [`${name}.deb`, `${name}.cdx.json`]
}

function control(version: string, architecture: ArchitectureName, sizeKiB: number): string {
  return `Package: trustmix
Version: ${version}
Architecture: ${architecture}
Maintainer: The trustmix contributors <trustmix@localhost>
Installed-Size: ${sizeKiB}
Depends: ${depends}
Section: science
Priority: optional
Description: unit of a fleet that learns to drive
 A vehicle as a service: it acts, learns with PPO, publishes its policy over MQTT
 and mixes in what peers send as far as a gate allows. With its own Node.
`
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}
