import { ExitError } from '../../schemas/exit.ts'
import type { CommandIo } from '../command.ts'
import { readToolOptions, type ToolOption } from '../tool-options.ts'
import { type FleetDirectory, type FleetKeys, locked, openFleetDirectory, openFleetKeys } from './fleet-directory.ts'
import { changeFleet, type FleetChange } from './members.ts'
import { type PassphraseSource, readPassphrase } from './passphrase.ts'
import { loadCertificateMaker } from './x509.ts'

/** One action of `trustmix provision`, with what stands before the first flag. */
export interface Action {
  readonly usage: string
  readonly spec: Readonly<Record<string, ToolOption>>
  run(words: readonly string[], flags: readonly string[], io: CommandIo): Promise<void>
}

/** Options of all actions that work on a fleet's directory. */
export const fleetOptions = {
  'fleet-dir': { kind: 'text', placeholder: 'DIR', default: 'fleet', description: 'directory of the fleet' },
  'passphrase-file': { kind: 'text', description: 'file whose first line is the passphrase' },
} as const

/** How a unit's file is made. */
export const unitOptions = {
  units: { kind: 'text', placeholder: 'DIR', description: 'also write DIR/ID/trustmix-provision.json' },
  broker: {
    kind: 'text',
    placeholder: 'URL',
    description: 'broker of the units, mqtts://host:port or wss://host:port',
  },
  run: { kind: 'text', placeholder: 'ID', description: 'run that the units take part in' },
  template: { kind: 'text', description: 'JSON with further keys of the unit file: wifi, address, ntp, config …' },
} as const

export const validityOption = {
  days: {
    kind: 'number',
    integer: true,
    minimum: 1,
    maximum: 36_500,
    default: 3_650,
    unit: 'days',
    description: 'validity of the certificate',
  },
} as const

export const jsonOption = { json: { kind: 'flag', description: 'print one JSON object' } } as const

type FleetOptions = { readonly 'fleet-dir': string; readonly 'passphrase-file': string | undefined }

/** Opens the fleet's directory and its keys. */
export async function openFleet(options: FleetOptions): Promise<{ directory: FleetDirectory; keys: FleetKeys }> {
  const directory = openFleetDirectory(options['fleet-dir'])
  const keys = await openFleetKeys(directory, () => readPassphrase(passphraseSource(options)))
  return { directory, keys }
}

/** Changes a fleet: the work, then registry, roster and revocation list, while nobody else changes it. */
export async function change<T>(
  options: FleetOptions,
  work: (change: FleetChange, directory: FleetDirectory) => Promise<T>,
): Promise<T> {
  const { directory, keys } = await openFleet(options)
  const maker = await loadCertificateMaker()
  return locked(directory, async () => {
    const started = changeFleet(directory, keys, maker, new Date())
    const result = await work(started, directory)
    await started.commit()
    return result
  })
}

export function passphraseSource(options: { readonly 'passphrase-file': string | undefined }): PassphraseSource {
  const { env: environment, stdin: input, stderr: output } = process
  return { file: options['passphrase-file'], environment, input, output }
}

/** Reads the flags of an action. */
export function readFlags<const S extends Record<string, ToolOption>>(spec: S, flags: readonly string[]) {
  return readToolOptions('provision', spec, flags)
}

/** The ids that stand before the flags; ExitError 2 where there are none. */
export function idsOf(words: readonly string[], action: string): readonly [string, ...string[]] {
  const [first, ...rest] = words
  if (first === undefined) throw new ExitError('usage', `provision ${action} needs an id, got nothing`)
  return [first, ...rest]
}

/** A comma-separated list. */
export function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((entry) => entry !== '')
}
