import { randomBytes, sign } from 'node:crypto'
import { connectBus, reach, required } from '../device/process.ts'
import {
  type CommandBody,
  commandNames,
  isCommandName,
  validateCommandBody,
  validateOrder,
} from '../schemas/command.ts'
import type { Config } from '../schemas/config.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Status } from '../schemas/status.ts'
import { channels, topicOf, validId } from '../schemas/topics.ts'
import type { Acknowledgement, CommandMessage } from '../schemas/trust.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Command, CommandIo } from './command.ts'
import { nextCounter } from './operator-counter.ts'
import { readOperatorKey } from './operator-key.ts'
import { describeOptions, readOptions } from './options.ts'
import { describeToolOptions, parseToolOptions, toolFlags } from './tool-options.ts'

const spec = {
  key: { kind: 'text', required: true, description: "the operator's Ed25519 key (PKCS#8, PEM)" },
  operator: { kind: 'text', placeholder: 'ID', required: true, description: 'whose key it is' },
  'passphrase-file': {
    kind: 'text',
    description: "file that holds the key's passphrase (default: asked at the terminal)",
  },
  mode: { kind: 'text', placeholder: 'theorem1|strict|certified', description: 'gate-mode: how others are judged' },
  'policy-hash': { kind: 'text', placeholder: 'HASH', description: 'rollback: the kept policy to return to' },
  bundle: { kind: 'text', placeholder: 'URL|PATH', description: 'update: where the bundle is' },
  sha256: { kind: 'text', placeholder: 'HASH', description: 'update: SHA-256 of the whole bundle' },
  args: { kind: 'text', placeholder: 'JSON', description: 'arguments as they are signed, in place of the named ones' },
  'expires-in': {
    kind: 'number',
    placeholder: 'S',
    minimum: 1,
    maximum: 31_536_000,
    description:
      'the command is void so many seconds from now; a unit whose clock is not set refuses it (default: it holds as long as the boot)',
  },
  boot: {
    kind: 'number',
    integer: true,
    minimum: 0,
    description: 'the running boot (default: what the vehicle says in its status)',
  },
  'timeout-ms': {
    kind: 'number',
    default: 10_000,
    minimum: 100,
    maximum: 3_600_000,
    unit: 'ms',
    description: 'longest wait for the status, and for the answer',
  },
  'dry-run': { kind: 'flag', description: 'print topic and message, send nothing' },
} as const

type Tool = ReturnType<typeof parseToolOptions<typeof spec>>

/** How often the command is repeated until it is answered; the vehicle carries it out once. */
const repeatEveryMs = 1_000

/** Sends a signed command to one vehicle and waits for its answer. */
export const sendCommand: Command = {
  help: `trustmix command: has one vehicle do something, under an operator's signature.

Usage: trustmix command VEHICLE ${commandNames.join('|')} --key FILE --operator ID --broker mqtt://HOST:PORT

The vehicle's status says which boot runs; the command holds for that one only. It is repeated until it is answered, and
carried out once. Counters are kept in FILE.counter and are at least the milliseconds since 1970 (docs/commands.md).

${describeToolOptions(spec)}
${describeOptions('command')}

Exit codes: 0 done, 2 bad usage, 3 no broker, vehicle not there or no answer in time, 4 damaged key or counter, 5 refused by
the vehicle, 130 interrupted.`,
  async run(args, io) {
    const [vehicle = '', name = '', ...rest] = args
    if (vehicle.startsWith('--') || !validId.test(vehicle))
      throw new ExitError('usage', `VEHICLE must match ${validId.source}, got ${JSON.stringify(vehicle)}`)
    if (!isCommandName(name))
      throw new ExitError('usage', `the command must be one of ${commandNames.join(', ')}, got ${JSON.stringify(name)}`)
    const { config, json, extra } = readOptions('command', rest, process.env, toolFlags(spec))
    const tool = parseToolOptions(spec, extra)
    const commandArgs = argumentsOf(tool)
    const order = validateOrder(name, commandArgs)
    if (!order.ok) throw new ExitError('usage', `arguments of ${name}: ${order.detail}`)
    const key = await readOperatorKey(tool.key, tool['passphrase-file'])

    /** Signed at last, when the boot is known. */
    const seal = (boot: number): { readonly message: CommandMessage; readonly counter: number } => {
      const expiresIn = tool['expires-in']
      const fields: CommandBody = {
        ...{ version: formatVersion, fleet: config.fleet, vehicle, boot, name, args: commandArgs },
        ...{ operator: tool.operator, counter: nextCounter(`${tool.key}.counter`, Date.now()) },
        expires: expiresIn === undefined ? null : new Date(Date.now() + 1_000 * expiresIn).toISOString(),
      }
      const checked = validateCommandBody(fields)
      if (!checked.ok) throw new ExitError('usage', checked.detail)
      const body = JSON.stringify(fields)
      const signature = sign(null, Buffer.from(body, 'utf8'), key).toString('base64')
      return { message: { version: formatVersion, body, signature }, counter: fields.counter }
    }
    const print = (message: CommandMessage): number => {
      const topic = topicOf(channels.cmd, { fleet: config.fleet, vehicle, name })
      io.output(json ? `${JSON.stringify({ topic, message })}\n` : `${topic}\n${JSON.stringify(message)}\n`)
      return exitCodes.ok
    }
    if (tool['dry-run'] && tool.boot !== undefined) return print(seal(tool.boot).message)

    const line = await openLine(config, vehicle, name, io)
    try {
      const boot = tool.boot ?? (await line.boot(tool['timeout-ms']))
      const { message, counter } = seal(boot)
      if (tool['dry-run']) return print(message)
      const ack = await line.send(message, { operator: tool.operator, counter }, tool['timeout-ms'])
      const { result, reason, detail } = ack
      const said = `${reason}${detail === undefined ? '' : `: ${detail}`}`
      io.output(
        json ? `${JSON.stringify(ack)}\n` : `${vehicle} ${name}: ${result === 'done' ? said : `refused, ${said}`}\n`,
      )
      return result === 'done' ? exitCodes.ok : exitCodes.failed
    } finally {
      await line.close()
    }
  },
}

/** What is signed as `args`: `--args`, or the named options that were given. */
function argumentsOf(tool: Tool): Record<string, unknown> {
  const named = Object.entries({
    mode: tool.mode,
    policyHash: tool['policy-hash'],
    bundle: tool.bundle,
    sha256: tool.sha256,
  })
  const given = Object.fromEntries(named.filter(([, value]) => value !== undefined))
  if (tool.args === undefined) return given
  if (Object.keys(given).length > 0)
    throw new ExitError(
      'usage',
      `--args stands in place of named arguments, got it with ${Object.keys(given).join(', ')}`,
    )
  try {
    const value: unknown = JSON.parse(tool.args)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw new ExitError('usage', `--args must be a JSON object, got ${tool.args}`)
}

/** A connection to one vehicle, under one command's name. */
interface Line {
  /** The running boot; ExitError 3 where the vehicle is away or says nothing in time. */
  boot(timeoutMs: number): Promise<number>
  /** Publishes until the answer comes; ExitError 3 where none does. */
  send(
    message: CommandMessage,
    of: { readonly operator: string; readonly counter: number },
    timeoutMs: number,
  ): Promise<Acknowledgement>
  close(): Promise<void>
}

async function openLine(config: Config, vehicle: string, name: string, io: CommandIo): Promise<Line> {
  const { fleet } = config
  required(config, 'broker')
  const bus = connectBus({ ...config, maxBackoffMs: 1_000 }, `command-${randomBytes(4).toString('hex')}`, io)
  let onStatus: (status: Status) => void = () => {}
  let onAck: (ack: Acknowledgement) => void = () => {}
  let status: Status | undefined
  bus.subscribe(channels.status, { fleet, vehicle }, (found) => {
    status = found
    onStatus(found)
  })
  bus.subscribe(channels.ack, { fleet, vehicle, name }, (ack) => onAck(ack))

  const within = async <T>(timeoutMs: number, what: () => string, wait: (resolve: (value: T) => void) => void) => {
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        timer = setTimeout(() => reject(new ExitError('unreachable', what())), timeoutMs)
        io.stopped.then(() => reject(new ExitError('interrupted', `interrupted before an answer of ${vehicle}`)))
        wait(resolve)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  try {
    await reach(bus, config, io)
  } catch (error) {
    await bus.close()
    throw error
  }
  return {
    boot: (timeoutMs) =>
      within(
        timeoutMs,
        () => `${vehicle} of fleet ${fleet} must be online, got ${status?.state ?? 'no status'} at ${config.broker}`,
        (resolve) => {
          onStatus = ({ state, boot }) => state === 'online' && resolve(boot)
          if (status) onStatus(status)
        },
      ),
    async send(message, { operator, counter }, timeoutMs) {
      const publish = (): void => bus.publish(channels.cmd, { fleet, vehicle, name }, message)
      const repeat = setInterval(publish, repeatEveryMs)
      try {
        return await within<Acknowledgement>(
          timeoutMs,
          () => `${vehicle} must answer ${name} within ${timeoutMs} ms, got nothing; it may have been carried out`,
          (resolve) => {
            onAck = (ack) => ack.operator === operator && ack.counter === counter && resolve(ack)
            publish()
          },
        )
      } finally {
        clearInterval(repeat)
      }
    },
    close: () => bus.close(),
  }
}
