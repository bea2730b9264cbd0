/** The part of the configuration about serving worlds to other programs; spread into `configSchema`. */
export const serveProperties = {
  serve: {
    type: 'boolean',
    default: false,
    description: 'serve worlds to other programs over TCP instead (docs/serve.md)',
    for: ['sim-bridge'],
  },
  followStdin: {
    type: 'boolean',
    default: false,
    description: 'with --serve: end when standard input ends, so that a program that dies leaves no server behind',
    for: ['sim-bridge'],
  },
  idleTimeoutS: {
    type: 'number',
    minimum: 0,
    maximum: 1000000,
    default: 600,
    unit: 's',
    description: 'with --serve: a client that sends nothing for so long is told so and let go; 0: never',
    for: ['sim-bridge'],
  },
} as const
