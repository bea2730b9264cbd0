import type { Config } from '../../schemas/config.ts'

/** Keys of the configuration that say where something lies on this machine: no log holds them. */
const places = [
  'passwordFile',
  'privateKeyFile',
  'publicKeysFile',
  'usersFile',
  'caFile',
  'certFile',
  'keyFile',
  'crlFile',
  'rootKeyFile',
  'rosterFile',
  'stateDir',
  'policyFile',
  'recordDir',
  'updateResultFile',
] as const satisfies readonly (keyof Config)[]

export function withoutPlaces(config: Config): Partial<Config> {
  const left: readonly string[] = places
  return Object.fromEntries(Object.entries(config).filter(([key]) => !left.includes(key))) as Partial<Config>
}

/** A configuration that was read anew, as a log holds it. */
export interface Reread {
  readonly config: Partial<Config>
  /** Places that are others than before. */
  readonly moved: readonly string[]
}

export function rereadOf(next: Config, present: Config): Reread {
  return { config: withoutPlaces(next), moved: places.filter((key) => next[key] !== present[key]) }
}

/** That configuration on this machine; a place that moved is only told to be another one. */
export function placed({ config, moved }: Reread, present: Config): Config {
  return { ...present, ...config, ...Object.fromEntries(moved.map((key) => [key, 'moved'])) }
}
