#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { ExitError, type ExitName, exitCodes } from '../schemas/exit.ts'
import { isBounded } from './bounded-heap.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { followParent } from './parent.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const usage = `trustmix ${version}: a fleet of vehicles learns to drive better together, each mix of policies gated by a trust bound

Usage: trustmix COMMAND [OPTIONS]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join('\n')}

trustmix COMMAND --help lists a command's options.
Exit codes: 0 ok, 2 bad usage or configuration, 3 a peer, server or program not reachable, 4 damaged data,
5 a limit of a judged run not kept or a command refused, 70 internal error, 130 interrupted.`

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(`${usage}\n`)
    return exitCodes.ok
  }
  if (name === '--version') {
    process.stdout.write(`${version}\n`)
    return exitCodes.ok
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) throw new ExitError('usage', `unknown command ${JSON.stringify(name)}; see trustmix --help`)
  if (rest.includes('--help')) {
    const { help } = await entry.load()
    process.stdout.write(`${help}\n`)
    return exitCodes.ok
  }
  const run = entry.bounded && !isBounded() ? boundedRun(name) : (await entry.load()).run
  const parent = followParent()
  try {
    return await run(rest, {
      software: softwareName(),
      stopped: parent.stopped,
      interrupts: parent.interrupts,
      tell: parent.tell,
      print: (line) => process.stderr.write(`${line}\n`),
      output: (text) => process.stdout.write(text),
    })
  } finally {
    parent.release()
  }
}

/** As others see it; the system of a card says which one it is. */
function softwareName(): string {
  const { TRUSTMIX_IMAGE: image } = process.env
  return `trustmix ${version}${image ? `, image ${image}` : ''}`.slice(0, 64)
}

function boundedRun(name: string): Command['run'] {
  return async (args, io) => (await import('./bounded.ts')).runBounded(name, args, io)
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(process.exitCode ?? exitCodes.ok)
})

process.on('uncaughtException', (error) => process.exit(report(error)))

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.exitCode = report(error)
  },
)

/** Errors of simulators that a user can do something about, and how the command ends. */
const expected: Readonly<Record<string, ExitName>> = {
  SumoMissingError: 'unreachable',
  SumoError: 'unreachable',
  SumoLostError: 'unreachable',
  SimulatorLostError: 'unreachable',
  StartError: 'usage',
}

/** Says what went wrong; returns the exit code. */
function report(error: unknown): number {
  const say = (text: string): void => {
    process.stderr.write(`trustmix: ${text}\n`)
  }
  if (error instanceof ExitError) {
    say(error.message)
    return error.code
  }
  // By name: a process that has no simulator does not load one to recognise its errors.
  if (error instanceof Error && Object.hasOwn(expected, error.name)) {
    say(error.message)
    return exitCodes[expected[error.name] ?? 'internal']
  }
  say(`internal error: ${error instanceof Error ? error.stack : String(error)}`)
  return exitCodes.internal
}
