import { readFileSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { validateProvision } from '../schemas/provision.ts'
import type { Command, CommandIo } from './command.ts'
import { parseFlags } from './flags.ts'
import { askForReset, putBootFile, readFacts } from './flash/boot-files.ts'
import { type Disk, flushDisk, listDisks, refusalOf } from './flash/devices.ts'
import { checkSum, openImage } from './flash/image-file.ts'
import { type OnProgress, readBack, type Target, writeImage } from './flash/write-image.ts'
import { unitFileName } from './provision/unit-file.ts'
import { describeToolOptions, parseToolOptions, toolFlags } from './tool-options.ts'
import { formatDuration } from './view/text.ts'

const spec = {
  provision: { kind: 'text', description: `unit file to put on the card as ${unitFileName} (trustmix provision)` },
  'to-file': { kind: 'text', description: 'write to this file in place of a disk' },
  yes: { kind: 'flag', description: 'do not ask before the disk is overwritten' },
  force: { kind: 'flag', description: 'also a disk that is not removable' },
  'factory-reset': {
    kind: 'text',
    placeholder: 'DEVICE',
    description: 'in place of writing: have the unit on this card forget what it learned, at its next start',
  },
  development: { kind: 'flag', description: 'also an image whose updates everybody can sign' },
  'no-verify': { kind: 'flag', description: 'do not read back what was written' },
  json: { kind: 'flag', description: 'print one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** Writes a card image to a disk and reads it back. */
export const flashCommand: Command = {
  help: `trustmix flash: a card image onto a card.

Usage: trustmix flash                                     lists the disks that could be meant
       trustmix flash IMAGE.img.zst /dev/sdX [--provision trustmix-provision.json]
       trustmix flash IMAGE.img.zst --to-file card.img
       trustmix flash --factory-reset /dev/sdX           its learning goes, keys and certificates stay

Refuses what is mounted, too small, read-only or not removable. The image is compared with SHA256SUMS beside it, and what was
written with the image. Linux; a disk needs root, --provision and the check of the image mtools.

${describeToolOptions(spec)}

Exit codes: 0 ok, 2 bad usage or a disk that is refused, 3 a program is missing, 4 a damaged image or card, 130 interrupted.`,
  async run(args, io) {
    const flags = args.findIndex((word) => word.startsWith('--'))
    const [words, rest] = flags < 0 ? [args, []] : [args.slice(0, flags), args.slice(flags)]
    const options = parseToolOptions(spec, parseFlags('flash', toolFlags(spec), rest))
    const { json, force } = options
    const [imagePath, device, ...more] = words
    if (more.length > 0) throw new ExitError('usage', `flash takes IMAGE and DEVICE, got ${words.join(' ')}`)
    if (options['factory-reset'] !== undefined) {
      const rest = [...words, ...alone.filter((name) => options[name])]
      if (rest.length > 0)
        throw new ExitError('usage', `--factory-reset must stand without an image and its options, got ${rest[0]}`)
      return resetCard(options['factory-reset'], force, json, io)
    }
    if (imagePath === undefined) return listed(await listDisks(), json, io)
    if ((device === undefined) === (options['to-file'] === undefined))
      throw new ExitError('usage', 'flash needs IMAGE and either DEVICE or --to-file')
    const provision = options.provision === undefined ? undefined : checkedProvision(options.provision)
    const image = openImage(imagePath)
    const target =
      device === undefined
        ? fileTarget(options['to-file'] as string)
        : await diskTarget(device, image.imageBytes ?? 0, force)
    const sum = await checkSum(image)
    if (!sum) io.print(`${imagePath} has no line in a SHA256SUMS beside it: it is not compared with what was published`)
    const facts = await readFacts(image)
    if (facts.updateKey === 'development' && !options.development)
      throw new ExitError(
        'usage',
        'the image must not take updates that everybody can sign unless --development is given, got the development key; build it with --sign-key',
      )
    if (target.isDisk && !options.yes) await confirm(target, io)

    const progress = createProgress(io)
    const { bytes, sha256 } = await writeImage(image, target, progress)
    if (target.isDisk) await flushDisk(target.path)
    if (!options['no-verify'] && (await readBack(target.path, bytes, progress)) !== sha256)
      throw new ExitError(
        'damaged',
        `${target.path} must hold what was written, got other bytes: the card is worn or counterfeit`,
      )
    if (provision !== undefined) {
      await putBootFile(target.path, provision, unitFileName)
      if (target.isDisk) await flushDisk(target.path)
    }
    const result = { target: target.path, bytes, sha256, verified: !options['no-verify'], ...facts }
    const told = `${target.path}: ${facts.software} for ${facts.board}, ${bytes} bytes${options['no-verify'] ? '' : ', read back the same'}${provision ? `, with ${unitFileName}` : ''}`
    io.output(json ? `${JSON.stringify(result)}\n` : `${told}\n`)
    return exitCodes.ok
  },
}

/** Options of an image that is written. */
const alone = ['provision', 'to-file', 'yes', 'development', 'no-verify'] as const

/** On a card, or on a file that holds one. */
async function resetCard(path: string, force: boolean, json: boolean, io: CommandIo): Promise<number> {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true
  if (!isFile) await diskTarget(path, 0, force)
  const facts = await askForReset(path)
  if (!isFile) await flushDisk(path)
  const told = `${path}: ${facts.software} for ${facts.board} forgets at its next start what it learned`
  io.output(json ? `${JSON.stringify({ target: path, factoryReset: true, ...facts })}\n` : `${told}\n`)
  return exitCodes.ok
}

function listed(disks: readonly Disk[], json: boolean, io: CommandIo): number {
  const told = disks.map((disk) => ({ ...disk, refusal: refusalOf(disk, 0, false) ?? null }))
  if (json) io.output(`${JSON.stringify({ version: 1, disks: told })}\n`)
  else if (told.length === 0) io.output('no disk is attached\n')
  else
    for (const { path, size, model, refusal } of told)
      io.output(
        `${path.padEnd(14)} ${`${(size / 1e9).toFixed(1)} GB`.padStart(10)}  ${(model || '–').padEnd(24)} ${refusal === null ? 'can be written' : refusal.slice(path.length + 1)}\n`,
      )
  return exitCodes.ok
}

async function diskTarget(path: string, imageBytes: number, force: boolean): Promise<Target> {
  const disks = await listDisks()
  const disk = disks.find((one) => one.path === path)
  if (!disk)
    throw new ExitError(
      'usage',
      `DEVICE must be one of ${disks.map((one) => one.path).join(', ') || '(none)'}, got ${path}`,
    )
  const refusal = refusalOf(disk, imageBytes, force)
  if (refusal !== undefined) throw new ExitError('usage', refusal)
  return { path, isDisk: true, size: disk.size }
}

function fileTarget(path: string): Target {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new ExitError('usage', `--to-file must be a regular file or none yet, got ${path}`)
  return { path, isDisk: false, size: Number.POSITIVE_INFINITY }
}

/** ExitError 2 where the file is none that a unit would take: better here than at the first boot. */
function checkedProvision(path: string): string {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ExitError('usage', `--provision must be a unit file: ${(error as Error).message}`)
  }
  const validated = validateProvision(value)
  if (!validated.ok) throw new ExitError('usage', `--provision ${path}: ${validated.detail}`)
  return path
}

async function confirm({ path, size }: Target, io: CommandIo): Promise<void> {
  if (!process.stdin.isTTY)
    throw new ExitError('usage', `--yes must be given where nobody can be asked: ${path} is overwritten`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const asked = terminal.question(
    `Everything on ${path} (${(size / 1e9).toFixed(1)} GB) is lost. Type ${path} to go on: `,
  )
  const answer = await Promise.race([asked, io.stopped.then(() => undefined)])
  terminal.close()
  if (answer?.trim() !== path) throw new ExitError('interrupted', 'nothing was written')
}

/** At most four lines a second on a terminal, in place; elsewhere one every ten seconds. */
function createProgress(io: CommandIo): OnProgress {
  const live = process.stderr.isTTY === true
  let stage = ''
  let beganAt = 0
  let toldAt = 0
  return (next, done, of) => {
    const now = performance.now()
    if (next !== stage) {
      stage = next
      beganAt = now
    } else if (now - toldAt < (live ? 250 : 10_000) && done !== of) return
    toldAt = now
    const rate = done / Math.max(1, now - beganAt)
    const left = of === undefined ? '' : ` of ${(of / 1e6).toFixed(0)} MB, ${formatDuration((of - done) / rate)} left`
    const line = `${stage} ${(done / 1e6).toFixed(0)} MB${left}, ${(rate / 1e3).toFixed(1)} MB/s`
    if (!live) io.print(line)
    else process.stderr.write(`\r\u001b[K${line}${done === of ? '\n' : ''}`)
  }
}
