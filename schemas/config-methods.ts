/** Every collaboration method, by the name it has in the fleet over MQTT and in the experiment. */
export const methodNames = [
  'gated',
  'independent',
  'average',
  'fixed',
  'average-gated',
  'coin',
  'reversed',
  'median',
  'trimmed-mean',
  'krum',
  'fltrust',
  'certified',
] as const

export type MethodName = (typeof methodNames)[number]

/** What a method considers: nobody, each peer for itself, all policies of a round at once, or the aggregator's mean. */
export type MethodSource = 'none' | 'peers' | 'round' | 'aggregate'

/** What each method considers; the methods themselves (`device/methods/`) are held to this table by their types. */
export const methodSources = {
  gated: 'peers',
  independent: 'none',
  average: 'aggregate',
  fixed: 'peers',
  'average-gated': 'aggregate',
  coin: 'peers',
  reversed: 'peers',
  median: 'round',
  'trimmed-mean': 'round',
  krum: 'round',
  fltrust: 'round',
  certified: 'peers',
} as const satisfies Readonly<Record<MethodName, MethodSource>>

/** Whether the aggregator must take part in the rounds of a run with this method. */
export function needsAggregator(method: MethodName): boolean {
  return methodSources[method] === 'aggregate'
}

/** Whether the method takes policies from vehicle to vehicle, so that `linkProbability` applies. */
export function usesLinks(method: MethodName): boolean {
  return methodSources[method] === 'peers' || methodSources[method] === 'round'
}

/** The part of the configuration that chooses how policies are mixed; spread into `configSchema`. */
export const methodProperties = {
  method: {
    enum: methodNames,
    default: 'gated',
    description: 'how policies are mixed',
    for: ['fleet', 'device', 'sim-bridge'],
  },
  linkProbability: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'chance that two vehicles hear each other in a round (methods that take policies from peers)',
    for: ['fleet', 'device'],
  },
  coinProbability: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0.5,
    description: 'chance that method coin accepts a peer',
    for: ['fleet', 'device'],
  },
  byzantine: {
    type: 'integer',
    minimum: 0,
    maximum: 19,
    default: 2,
    description: 'f of methods median, trimmed-mean and krum: policies of a round that may be arbitrary',
    for: ['fleet', 'device'],
  },
} as const
