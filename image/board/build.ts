import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExitError } from '../../schemas/exit.ts'
import { runTool } from '../tool.ts'
import { cardBill, packagesOfBill } from './bill.ts'
import { type BoardName, boards } from './boards.ts'
import { composeDisk } from './disk.ts'
import { finishRoot } from './finish-root.ts'
import { buildInitrd } from './initrd.ts'
import { unpackDebian } from './packages.ts'
import { buildBundle, openSigning, type Signing } from './update-bundle.ts'

/** What `--board` and its companions ask for. */
export interface CardOptions {
  readonly name: BoardName
  readonly mirror: string | undefined
  /** Bill of a card whose packages are taken. */
  readonly packagesFrom: string | undefined
  readonly cache: string | undefined
  /** File with public keys for root. */
  readonly sshKey: string | undefined
  /** Files of the key that signs updates and of its certificate; undefined: the development key, which everybody has. */
  readonly signing: Omit<Signing, 'updateKey'> | undefined
}

export interface CardContext {
  /** Of the repository. */
  readonly source: string
  readonly version: string
  readonly epochS: number
  /** Builds the unit's own package for arm64; its path, and its bill. */
  readonly unit: () => Promise<{ readonly deb: string; readonly bill: string }>
  /** An empty folder. */
  readonly work: string
  readonly out: string
  readonly stage: <T>(name: string, work: Promise<T>) => Promise<T>
}

/**
 * Writes `out`/trustmix-VERSION-BOARD.img.zst with its bill, the same bytes for the same packages, and the update bundle of the same
 * content, which has a salt. Returns their names.
 */
export async function buildCard(options: CardOptions, context: CardContext): Promise<string[]> {
  const { name, mirror, cache, sshKey: keyFile, packagesFrom } = options
  const { source, version, epochS, unit, work, out, stage } = context
  if (process.getuid?.() !== 0)
    throw new ExitError('usage', `a card must be built by root or under fakeroot, got user ${process.getuid?.()}`)
  const board = boards[name]
  const signing = openSigning(options.signing, source)
  const sshKey = keyFile === undefined ? undefined : readKey(keyFile)
  const wanted = packagesFrom === undefined ? undefined : packagesOfBill(packagesFrom)
  const root = join(work, 'root')
  const asked = { board, root, mirror, packages: wanted, cache, sshKey: sshKey !== undefined, epochS }
  const [{ deb, bill }, packages] = await both(unit(), stage('Debian', unpackDebian(asked)))
  const parts = await stage(
    'unit',
    finishRoot({ name, board, source, root, deb, version, sshKey, certificate: signing.cert, epochS }),
  )
  const initrd = await stage('initrd', buildInitrd({ board, parts, source, root, work, epochS }))
  const { updateKey } = signing
  const { image, boot, system } = await composeDisk({
    ...{ name, board, version, updateKey, parts, initrd, root, work, epochS, stage },
  })
  const card = `trustmix-${version}-${name}`
  const part = join(out, `${card}.img.zst.part`)
  await stage('compression', runTool('zstd', ['-q', '-f', '-T0', '-9', image, '-o', part], { from: 'zstd' }))
  const file = openSync(part, 'r')
  fsyncSync(file)
  closeSync(file)
  renameSync(part, join(out, `${card}.img.zst`))
  writeFileSync(join(out, `${card}.cdx.json`), cardBill({ version, board: name, packages, unit: bill, epochS }))
  await stage(
    'update bundle',
    buildBundle({ board: name, version, boot, system, signing, work, out: join(out, `${card}.raucb`) }),
  )
  return [`${card}.img.zst`, `${card}.cdx.json`, `${card}.raucb`]
}

/** Waits for both, also where one fails: nothing may still be written then. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second])
  return [await first, await second]
}

function readKey(path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', `--ssh-key must be a file: ${(error as Error).message}`)
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const wrong = lines.find((line) => !/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/]+=*( .*)?$/.test(line))
  if (lines.length === 0 || wrong !== undefined)
    throw new ExitError('usage', `--ssh-key must hold public keys, got ${wrong?.slice(0, 40) ?? 'nothing'}`)
  return `${lines.join('\n')}\n`
}
