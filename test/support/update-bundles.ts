import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { fatOf } from '../../cli/board/fat.ts'
import { type Partition, partitionsOf } from '../../cli/board/partitions.ts'
import type { BoardName } from '../../image/board/boards.ts'
import { buildBundle } from '../../image/board/update-bundle.ts'
import { image, version } from './packages.ts'
import type { TrustFleet } from './trust-fleet.ts'

const run = promisify(execFile)

/** The card, and a folder of bundles for it: the one of the same build, and others that are no good. */
export async function makeBundles(t: Test, at: (...names: string[]) => string): Promise<string> {
  const served = at('served')
  mkdirSync(served, { recursive: true })
  const key = (name: string): { key: string; cert: string } => {
    const [key, cert] = [at(`${name}.key`), at(`${name}.pem`)]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
    execFileSync('openssl', ['req', '-x509', ...curve, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    })
    return { key, cert }
  }
  const [own, other] = [key('own'), key('other')]
  const began = performance.now()
  const signed = ['--sign-key', own.key, '--sign-cert', own.cert, '--cache', at('cache')]
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' }
  await run(process.execPath, [image, '--board', 'virt', ...signed, '--out', at('built')], { env })
  t.comment(
    `card and bundle: ${seconds(began)}; bundle ${statSync(at('built', `trustmix-${version}-virt.raucb`)).size} bytes`,
  )
  await run('zstd', ['-q', '-f', '-d', at('built', `trustmix-${version}-virt.img.zst`), '-o', at('card.img')])
  await run('cp', [at('built', `trustmix-${version}-virt.raucb`), join(served, 'good.raucb')])
  const partitions = partitionsOf(at('card.img'))
  const facts = await fatOf(at('card.img'), partitions.get(1) as Partition).read('trustmix-image.json')
  t.match(JSON.parse(facts), { updateKey: 'own' })
  const part = async (number: number, name: string): Promise<string> => {
    const { start, size } = partitions.get(number) as Partition
    const mib = ['bs=1M', `skip=${start / 1_048_576}`, `count=${size / 1_048_576}`, 'status=none']
    await run('dd', [`if=${at('card.img')}`, `of=${at(name)}`, ...mib])
    return at(name)
  }
  const [boot, root] = [await part(2, 'boot.img'), await part(5, 'root.img')]
  truncateSync(at('card.img'), 2 * 1_024 ** 3)

  const make = (
    name: string,
    more: { system?: string; boot?: string; board?: BoardName; version?: string; by?: typeof own },
  ) =>
    buildBundle({
      ...{
        board: 'virt',
        version,
        boot: at('small'),
        system: at('small'),
        work: at('work'),
        out: join(served, `${name}.raucb`),
      },
      ...more,
      signing: { ...(more.by ?? own), updateKey: 'own' },
    })
  mkdirSync(at('work'), { recursive: true })
  writeFileSync(at('small'), randomBytes(1_048_576))
  writeFileSync(at('zeros'), Buffer.alloc(1_048_576))
  await make('tampered', {})
  const bytes = readFileSync(join(served, 'tampered.raucb'))
  writeFileSync(join(served, 'truncated.raucb'), bytes.subarray(0, bytes.length - 1_000))
  bytes.writeUInt8(bytes.readUInt8(700_000) ^ 1, 700_000)
  writeFileSync(join(served, 'tampered.raucb'), bytes)
  await make('wrong-key', { by: other })
  await make('downgrade', { version: '0.0.1' })
  await make('wrong-board', { board: 'pi4' })
  await make('no-system', { boot, system: at('zeros') })

  // Another system whose arithmetic is not what it should be.
  rmSync(at('tree'), { recursive: true, force: true })
  await run('unsquashfs', ['-q', '-n', '-d', at('tree'), root])
  const expected = at('tree', 'usr/lib/trustmix/vectors/case-2/expected.json')
  const values = JSON.parse(readFileSync(expected, 'utf8')) as { policy: { mean: number[][] } }
  const [row = []] = values.policy.mean
  row[0] = (row[0] ?? 0) + 0.1
  writeFileSync(expected, JSON.stringify(values))
  await run('mksquashfs', [
    at('tree'),
    at('bad.img'),
    '-noappend',
    '-quiet',
    '-no-progress',
    '-comp',
    'zstd',
    '-Xcompression-level',
    '3',
  ])
  rmSync(at('tree'), { recursive: true })
  await make('bad', { boot, system: at('bad.img') })
  return served
}

/** Serves a folder by https, as the fleet's broker certifies itself; its port. */
export async function serveBundles(t: Test, trust: TrustFleet, folder: string): Promise<number> {
  const { cert, key } = trust.tls('hub')
  const server = createServer({ cert, key }, ({ url = '' }, response) => {
    createReadStream(join(folder, url.slice(1)))
      .on('error', () => response.destroy())
      .pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close().closeAllConnections())
  return (server.address() as { port: number }).port
}

/** Since a time of `performance.now()`. */
export function seconds(began: number): string {
  return `${((performance.now() - began) / 1_000).toFixed(0)} s`
}
