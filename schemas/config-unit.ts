/**
 * What a unit is configured with unless its unit file, or its device.json, says otherwise: it goes back where its return
 * collapses after mixes, and it records, 128 MiB at most (`recordFiles` of `recordFileBytes`), where `trustmix hil` looks.
 */
export function unitDefaults(stateDir: string) {
  return { rollbackDrop: 0.5, recordDir: `${stateDir}/log` }
}

/** The part of the configuration that a unit on the road needs: who commands it, its clock, its way back; spread into `configSchema`. */
export const unitProperties = {
  operatorsFile: {
    type: ['string', 'null'],
    default: null,
    description: 'JSON map of operator id to Ed25519 public key and allowed commands (fleet: one of its own if absent)',
    for: ['fleet', 'device'],
  },
  clock: {
    enum: ['auto', 'trusted'],
    default: 'auto',
    description: 'auto: the wall clock counts once the system says that it is set; trusted: it counts in any case',
    for: ['fleet', 'device'],
  },
  updateResultFile: {
    type: ['string', 'null'],
    default: null,
    description: 'file by which whoever installs updates tells what became of the last one, for the status',
    for: ['device'],
  },
  rollbackDrop: {
    type: ['number', 'null'],
    exclusiveMinimum: 0,
    maximum: 1,
    default: null,
    description:
      'return to the last good policy where mixes are followed by a fall of the mean return by more than this share (1: by command only; default: none is kept)',
    for: ['fleet', 'device'],
  },
  rollbackWindow: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 6,
    unit: 'rounds',
    description: 'rounds whose mean return is compared with that of as many before (6: an epoch)',
    for: ['fleet', 'device'],
  },
  stay: {
    type: 'boolean',
    default: false,
    description: 'wait for the broker as long as it takes, and stay for the next run when one ends',
    for: ['device'],
  },
} as const
