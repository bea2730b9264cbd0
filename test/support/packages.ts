import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { requireTool } from './require.ts'

/** The program behind `npm run image`. */
export const image = fileURLToPath(new URL('../../image/main.js', import.meta.url))

/** Programs by which a card is built. */
export const cardTools: readonly string[] = [
  ...[
    'mmdebstrap',
    'rauc',
    'mksquashfs',
    'mkfs.vfat',
    'mcopy',
    'mkfs.ext4',
    'sfdisk',
    'depmod',
    'cpio',
    'zstd',
    'unxz',
  ],
  ...['systemd-sysusers', 'aarch64-linux-gnu-strip'],
]

/** Of the packages that are built. */
export const { version } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8'),
) as { version: string }

/** Runs `npm run image` without the build of the sources before it. */
export function buildPackages(args: readonly string[], environment: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000', ...environment }
    execFile(process.execPath, [image, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

/** A package in a folder of built ones. */
export function debIn(folder: string, arch: string, of = version): string {
  return join(folder, `trustmix_${of}_${arch}.deb`)
}

/** Unpacks a package; what runs its program: its Node and the file that this starts. */
export async function unpack(deb: string, folder: string): Promise<readonly [node: string, main: string]> {
  await promisify(execFile)('dpkg-deb', ['--extract', deb, folder])
  const own = join(folder, 'usr/lib/trustmix')
  return [join(own, 'node'), join(own, 'app/build/cli/main.js')]
}

/** A folder of the test, outside of the project, so that nothing there finds the project's packages. */
export function outsideFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The program of the unpacked amd64 package; undefined, and the test skipped, where a tool is missing. */
export async function packagedProgram(t: Test, folder: string): Promise<readonly [string, string] | undefined> {
  for (const tool of ['dpkg-deb', 'x86_64-linux-gnu-strip']) if (!requireTool(t, tool)) return undefined
  const out = join(folder, 'packages')
  const built = await buildPackages(['--deb-only', '--arch', 'amd64', '--out', out])
  t.equal(built.code, 0, built.stderr)
  return unpack(debIn(out, 'amd64'), join(folder, 'amd64'))
}
