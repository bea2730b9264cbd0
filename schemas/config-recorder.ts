/** The part of the configuration that is about the recorder (docs/recorder.md); spread into `configSchema`. */
export const recorderProperties = {
  recordDir: {
    type: ['string', 'null'],
    default: null,
    description: 'directory of the logs that `trustmix replay` computes again; null: nothing is recorded',
    for: ['fleet', 'device'],
  },
  recordFileBytes: {
    type: 'integer',
    minimum: 65536,
    maximum: 1073741824,
    default: 16777216,
    unit: 'bytes',
    description: 'largest log file; the next one begins with a snapshot of its own',
    for: ['fleet', 'device'],
  },
  recordFiles: {
    type: 'integer',
    minimum: 2,
    maximum: 100000,
    default: 8,
    description: 'log files of a vehicle that are kept',
    for: ['fleet', 'device'],
  },
} as const
