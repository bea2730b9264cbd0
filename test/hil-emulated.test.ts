import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { refuses, trustmix } from './support/cli.ts'
import { requireTool } from './support/require.ts'
import { makeImage } from './support/small-image.ts'

/** What `trustmix hil` refuses before it makes anything, where its unit is a card on an emulated board. */
const hil = (...more: string[]): string[] => ['hil', '--vehicle', 'car01', ...more]
const virt = (...more: string[]): string[] => hil('--target', 'qemu-virt', ...more)

t.test('what contradicts an emulated board is refused', async (t) => {
  await refuses(t, 2, /--image must be given with --target qemu-virt, got nothing/, virt())
  await refuses(t, 2, /--image needs --target qemu-virt or qemu-raspi3b, got external/, hil('--image', 'card.img'))
  await refuses(t, 2, /IMAGE must be a file: .*absent/, virt('--image', join(t.testdirName, 'absent.img')))
  await refuses(t, 2, /target/, hil('--target', 'qemu-pi9'))
  await refuses(
    t,
    2,
    /--broker must be left out with --target qemu-virt, got mqtt:\/\/hub/,
    virt('--broker', 'mqtt://hub'),
  )
  await refuses(t, 2, /--log must be left out with --target qemu-virt, got log/, virt('--log', 'log'))
  await refuses(t, 2, /--others must be drivers with an emulated board/, virt('--others', 'devices'))
})

t.test('where QEMU or mtools is missing, the exit code is 3 and the message says what to install', async (t) => {
  for (const tool of ['qemu-system-aarch64', 'mcopy']) if (!requireTool(t, tool)) return
  const image = makeImage(t, 'a fingerprint')
  const nothing = join(t.testdirName, 'nothing')
  const onlyQemu = join(t.testdirName, 'qemu')
  for (const folder of [nothing, onlyQemu]) mkdirSync(folder)
  const qemu = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'qemu-system-aarch64'))
    .find(existsSync)
  symlinkSync(qemu ?? '', join(onlyQemu, 'qemu-system-aarch64'))
  const run = (PATH: string) => trustmix(virt('--image', image), { PATH })
  t.match(await run(nothing), {
    ...{ code: 3, stdout: '' },
    stderr: /qemu-system-aarch64 must be installed \(Debian: qemu-system-arm\)/,
  })
  t.match(await run(onlyQemu), { code: 3, stdout: '', stderr: /mtype must be installed \(Debian: mtools\)/ })
})

t.test('a card for another board, and a file that is no card, are refused', async (t) => {
  for (const tool of ['qemu-system-aarch64', 'mcopy']) if (!requireTool(t, tool)) return
  const image = makeImage(t, 'a fingerprint', 'pi3')
  await refuses(t, 2, /--image must be a card for virt, got one for pi3/, virt('--image', image))
  const empty = join(t.testdirName, 'empty.img')
  writeFileSync(empty, Buffer.alloc(4_096))
  await refuses(t, 4, /must have a partition table at byte 0/, virt('--image', empty))
})
