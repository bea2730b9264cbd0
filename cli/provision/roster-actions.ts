import { readFileSync } from 'node:fs'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import { openRoster } from '../../device/trust/roster.ts'
import { ExitError } from '../../schemas/exit.ts'
import { channels } from '../../schemas/topics.ts'
import type { RosterMessage } from '../../schemas/trust.ts'
import { type FleetDirectory, openFleetDirectory } from './fleet-directory.ts'
import { type Action, change, fleetOptions, jsonOption, readFlags } from './options.ts'

const spec = {
  ...fleetOptions,
  broker: {
    kind: 'text',
    placeholder: 'URL',
    description: 'publish: the broker, mqtts://host:port or wss://host:port',
  },
  as: {
    kind: 'text',
    placeholder: 'ID',
    default: 'root',
    description: 'publish: the member of role root to connect as',
  },
  'wait-ms': { kind: 'number', minimum: 100, default: 10_000, unit: 'ms', description: 'publish: longest wait' },
  ...jsonOption,
} as const

/** `roster sign` makes a new one of the registry, `show` says what the newest one says, `publish` gives it to the broker. */
export const rosterAction: Action = {
  usage: 'roster sign|show|publish',
  spec,
  async run([what], flags, io) {
    const options = readFlags(spec, flags)
    if (what === 'sign') await change(options, async () => {})
    else if (what === 'publish') {
      const { broker } = options
      if (broker === undefined) throw new ExitError('usage', '--broker is needed, got nothing')
      const directory = openFleetDirectory(options['fleet-dir'])
      await publishRoster(directory, { broker, id: options.as, waitMs: options['wait-ms'], print: io.print })
    } else if (what !== 'show')
      throw new ExitError('usage', `provision roster needs sign, show or publish, got ${what ?? 'nothing'}`)
    const directory = openFleetDirectory(options['fleet-dir'])
    const body = JSON.parse(checked(directory).body) as Record<string, unknown>
    if (options.json) io.output(`${JSON.stringify(body)}\n`)
    else if (what === 'show') io.output(`${JSON.stringify(body, null, 2)}\n`)
    else io.output(`roster ${body.number} of fleet ${body.fleet} is ${what === 'sign' ? 'signed' : 'published'}\n`)
  },
}

export interface PublishOptions {
  readonly broker: string
  /** Member of role root whose certificate is shown. */
  readonly id: string
  readonly waitMs: number
  readonly print: (line: string) => void
}

/** Publishes the newest roster, retained, and waits until the broker has it; ExitError 3 where that takes too long. */
export async function publishRoster(directory: FleetDirectory, options: PublishOptions): Promise<void> {
  const message = checked(directory)
  const { fleet } = directory.registry()
  const read = (name: string): string => {
    try {
      return readFileSync(directory.file('members', options.id, name), 'utf8')
    } catch (error) {
      throw new ExitError('usage', `--as must be a member of role root: ${(error as Error).message}`)
    }
  }
  const bus = createMqttBus({
    ...{ url: options.broker, clientId: options.id, maxBackoffMs: 1_000, onTrouble: options.print },
    tls: { ca: directory.authority, cert: read('tls.pem'), key: read('tls.key.pem') },
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const text = `the roster did not come back from ${options.broker} within ${options.waitMs} ms`
    timer = setTimeout(() => reject(new ExitError('unreachable', text)), options.waitMs)
  })
  const back = new Promise<void>((resolve) => {
    bus.subscribe(channels.roster, { fleet }, ({ signature }) => {
      if (signature === message.signature) resolve()
    })
  })
  bus.onConnected(() => bus.publish(channels.roster, { fleet }, message))
  try {
    await Promise.race([back, late])
  } finally {
    clearTimeout(timer)
    await bus.close()
  }
}

/** The newest roster, if its signature holds: a damaged one is not passed on. */
function checked(directory: FleetDirectory): RosterMessage {
  const message = directory.roster()
  const opened = openRoster(message, directory.rootKey, directory.registry().fleet)
  if (!opened.ok) throw new ExitError('damaged', `${directory.file('roster.json')}: ${opened.detail}`)
  return message
}
