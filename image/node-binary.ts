import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ExitError } from '../schemas/exit.ts'
import { type ArchitectureName, architectures } from './architecture.ts'
import { runTool } from './tool.ts'

/** A Node to put into a package. */
export interface NodeBinary {
  /** The stripped program. */
  readonly bytes: Uint8Array
  readonly version: string
  readonly licenceText: string
  /** Where it comes from, in words. */
  readonly origin: string
}

/**
 * The pinned Node of an architecture from npm, or the one that a user names, stripped in the folder `work`. ExitError 2 or 4
 * where it is not what it must be, 3 where it or a program cannot be had.
 */
export async function provideNode(name: ArchitectureName, work: string, own: string | undefined): Promise<NodeBinary> {
  const { nodePackage, nodeVersion, strip, binutils, machine } = architectures[name]
  const source = own === undefined ? await unpackPinned(name, work) : { file: own, licence: undefined }
  const found = readElf(source.file)
  if (found.machine !== machine)
    throw new ExitError(
      'usage',
      `the Node for ${name} must have ELF machine ${machine}, got ${found.machine}: ${source.file}`,
    )
  const version = versionIn(found.bytes)
  if (version === undefined || (own === undefined && version !== nodeVersion))
    throw new ExitError('damaged', `${source.file} must be a program of Node, got version ${version}`)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 17))
    throw new ExitError('usage', `--node must be Node 20.17 or newer, got ${version}`)
  const stripped = join(work, `node-${name}`)
  await runTool(strip, ['--strip-all', '-o', stripped, source.file], { from: binutils })
  return {
    bytes: readFileSync(stripped),
    version,
    licenceText: readFileSync(source.licence ?? licenceBeside(source.file), 'utf8'),
    origin:
      own === undefined
        ? `npm package ${nodePackage}@${nodeVersion}, a third party's packing of the binary that nodejs.org publishes, stripped`
        : "a file of the builder's own, stripped",
  }
}

async function unpackPinned(name: ArchitectureName, work: string): Promise<{ file: string; licence: string }> {
  const { nodePackage, nodeVersion, integrity } = architectures[name]
  const id = `${nodePackage}@${nodeVersion}`
  const packed = await runTool('npm', ['pack', id, '--prefer-offline', '--silent'], { cwd: work, from: 'npm' }).catch(
    (error: Error) => {
      if (error instanceof ExitError) throw error
      throw new ExitError('unreachable', `${id} cannot be had (--node FILE takes another one): ${error.message}`)
    },
  )
  const archive = join(work, packed.trim())
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  if (found !== integrity) throw new ExitError('damaged', `${id} must have the content ${integrity}, got ${found}`)
  const folder = join(work, 'package')
  await runTool('tar', ['-xzf', archive, '-C', work, 'package/bin/node', 'package/LICENSE'], { from: 'tar' })
  return { file: join(folder, 'bin', 'node'), licence: join(folder, 'LICENSE') }
}

/** The archives of nodejs.org hold bin/node and LICENSE. */
function licenceBeside(file: string): string {
  const places = [join(dirname(dirname(file)), 'LICENSE'), join(dirname(file), 'LICENSE')]
  const found = places.find((place) => existsSync(place))
  if (found === undefined)
    throw new ExitError('usage', `--node must have its LICENSE beside it, got none of ${places.join(', ')}`)
  return found
}

/** Machine and content of a program (elf(5)); ExitError 2 for anything else. */
function readElf(file: string): { bytes: Buffer; machine: number } {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new ExitError('usage', `--node must be a file: ${(error as Error).message}`)
  }
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46)
    throw new ExitError('usage', `--node must be an ELF program, got ${file}`)
  return { bytes, machine: bytes.readUInt16LE(18) }
}

/** A program of Node names the archive of its headers (`process.release`); it need not run here. */
function versionIn(bytes: Buffer): string | undefined {
  const at = bytes.indexOf('-headers.tar.gz')
  return at < 0 ? undefined : /node-v(\d+\.\d+\.\d+)$/.exec(bytes.toString('latin1', Math.max(0, at - 32), at))?.[1]
}
