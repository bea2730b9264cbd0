import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { buildBundle, openSigning, raucConfiguration } from '../image/board/update-bundle.ts'
import { readImageOptions } from '../image/options.ts'
import { requireTool } from './support/require.ts'
import { bootloader } from './support/update-site.ts'

const run = promisify(execFile)
const source = fileURLToPath(new URL('../../', import.meta.url))
const bootWords = fileURLToPath(new URL('../../image/files/board/boot-words', import.meta.url))
const autoboot = (counts: number, tries: number): string =>
  `[all]\ntryboot_a_b=1\nboot_partition=${counts}\n[tryboot]\nboot_partition=${tries}\n`

/** The backend with a folder for a card. */
function card(t: Test, board: string) {
  const folder = t.testdir({ first: { 'autoboot.txt': autoboot(2, 3) }, update: {} })
  const at = (...names: string[]): string => join(folder, ...names)
  writeFileSync(at('card'), `board=${board}\nselector=${at('first')}\nslot=A\nupdate=${at('update')}\n`)
  const env = { PATH: process.env.PATH, CARD_FILE: at('card') }
  const load = async (...words: string[]): Promise<string> => (await run(bootloader, words, { env })).stdout.trim()
  return { at, load }
}

t.test('the backend reads and writes autoboot.txt as the firmware does, in place', async (t) => {
  const { at, load } = card(t, 'pi4')
  const file = at('first', 'autoboot.txt')
  const { ino, size } = statSync(file)
  t.equal(await load('get-current'), 'A')
  t.equal(await load('get-primary'), 'A')
  await load('set-primary', 'B')
  t.equal(readFileSync(file, 'utf8'), autoboot(3, 2))
  t.equal(await load('get-primary'), 'B')
  await load('set-primary', 'A')
  t.equal(readFileSync(file, 'utf8'), autoboot(2, 3))
  t.match(statSync(file), { ino, size }, 'the same sector of the card is written')

  t.equal(await load('get-state', 'B'), 'good')
  await load('set-state', 'B', 'bad')
  t.equal(await load('get-state', 'B'), 'bad')
  t.equal(await load('get-state', 'A'), 'good')

  await load('try', 'B')
  t.notOk(existsSync(at('first', 'tryboot')), 'the firmware of a Pi is asked by the restart')
  t.equal(readFileSync(file, 'utf8'), autoboot(2, 3), 'to try is not to commit')
  await t.rejects(load('set-primary', 'C'), { message: /slot must be A or B, got C/ })
  await t.rejects(load('dance'), { message: /the first word must be get-primary, .*, got dance/ })
  writeFileSync(file, '[all]\nboot_partition=7\n[tryboot]\n')
  await t.rejects(load('get-primary'), { message: /must name boot partition 2 or 3/ })
})

t.test('where no firmware keeps the wish to try, a file does', async (t) => {
  const { at, load } = card(t, 'virt')
  await load('try')
  t.ok(existsSync(at('first', 'tryboot')))
})

t.test('a boot partition learns which slot it is', async (t) => {
  const words = 'console=ttyAMA0 trustmix.board=virt trustmix.slot=A rauc.slot=A'
  const folder = t.testdir({ p3: { 'cmdline.txt': `${words}\n` } })
  const device = join(folder, 'p3')
  const slots = (name: string) => ({
    ...{ PATH: process.env.PATH, RAUC_TARGET_SLOTS: '1 2' },
    ...{
      RAUC_SLOT_NAME_1: 'rootfs.1',
      RAUC_SLOT_DEVICE_1: '/nowhere',
      RAUC_SLOT_NAME_2: name,
      RAUC_SLOT_DEVICE_2: device,
    },
  })
  await run(bootWords, [], { env: slots('boot.1') })
  t.equal(readFileSync(join(device, 'cmdline.txt'), 'utf8'), `${words.replaceAll('slot=A', 'slot=B')}\n`)
  await run(bootWords, [], { env: slots('boot.0') })
  t.equal(readFileSync(join(device, 'cmdline.txt'), 'utf8'), `${words}\n`)
})

t.test('a bundle is signed, and only by a key that belongs to its certificate', async (t) => {
  if (!requireTool(t, 'rauc') || !requireTool(t, 'mksquashfs') || !requireTool(t, 'openssl')) return
  const folder = t.testdir({ work: {} })
  const at = (...names: string[]): string => join(folder, ...names)
  for (const name of ['boot.img', 'root.img']) writeFileSync(at(name), randomBytes(16_384))
  const request = (name: string) =>
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
        ...['-subj', `/CN=${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)],
      ],
      { stdio: 'ignore' },
    )
  for (const name of ['own', 'other']) request(name)
  const build = (key: string, cert: string, out: string) =>
    buildBundle({
      ...{ board: 'virt', version: '0.2.0', boot: at('boot.img'), system: at('root.img'), work: at('work') },
      ...{ signing: openSigning({ key: at(key), cert: at(cert) }, source), out: at(out) },
    })
  await build('own.key', 'own.pem', 'one.raucb')
  const info = async (cert: string) =>
    JSON.parse((await run('rauc', ['info', `--keyring=${cert}`, '--output-format=json', at('one.raucb')])).stdout)
  t.match(await info(at('own.pem')), {
    ...{ compatible: 'trustmix-virt', version: '0.2.0' },
    images: [{ boot: { filename: 'boot.img' } }, { rootfs: { filename: 'rootfs.img' } }],
  })
  await t.rejects(info(at('other.pem')), /signature verification failed/)
  await t.rejects(build('own.key', 'other.pem', 'two.raucb'), {
    code: 4,
    message: /--sign-cert must be self-signed and belong to --sign-key/,
  })
  t.notOk(existsSync(at('two.raucb')))
  t.throws(() => openSigning({ key: at('none'), cert: at('own.pem') }, source), {
    code: 2,
    message: /--sign-key must be a file/,
  })

  const development = openSigning(undefined, source)
  t.equal(development.updateKey, 'development')
  mkdirSync(at('work2'))
  await buildBundle({
    ...{ board: 'pi4', version: '0.2.0', boot: at('boot.img'), system: at('root.img'), work: at('work2') },
    ...{ signing: development, out: at('dev.raucb') },
  })
  t.ok(statSync(at('dev.raucb')).size > 0, 'the development key and its certificate belong together')
})

t.test('a card asks for its own board and never for an older version', async (t) => {
  const text = raucConfiguration('pi4', '1.2.3')
  for (const line of [
    'compatible=trustmix-pi4',
    'min-bundle-version=1.2.3',
    'bundle-formats=-plain',
    'activate-installed=false',
  ])
    t.ok(text.split('\n').includes(line), line)
  t.match(text, '[slot.boot.1]\ndevice=/run/trustmix-slots/boot.1\ntype=raw\nparent=rootfs.1\n')
  const options = (...args: string[]) => readImageOptions(args, { version: '0.1.0', out: '.' })
  t.throws(() => options('--board', 'pi4', '--sign-key', 'k'), {
    code: 2,
    message: /--sign-key must go with --sign-cert, got --sign-key alone/,
  })
  t.throws(() => options('--board', 'pi4', '--deb-version', '1.0~rc1'), {
    code: 2,
    message: /must be MAJOR\.MINOR\.PATCH/,
  })
  t.equal(options('--board', 'pi4', '--deb-version', '1.2.0-rc1').version, '1.2.0-rc1')
  t.throws(() => options('--deb-only', '--sign-key', 'k'), {
    code: 2,
    message: /--deb-only must stand without --sign-key/,
  })
})
