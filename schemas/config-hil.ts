/** The part of the configuration that is about hardware in the loop (`trustmix hil`); spread into `configSchema`. */
export const hilProperties = {
  target: {
    type: 'string',
    pattern: '^(external|qemu-virt|qemu-raspi3b|ssh:[A-Za-z0-9_.@%][A-Za-z0-9_.@%-]*)$',
    default: 'external',
    description:
      'the unit: external (at the broker), ssh:[USER@]HOST (there too, and its machine asked over ssh), qemu-virt or qemu-raspi3b (a card on an emulated board)',
    for: ['hil'],
  },
  image: {
    type: ['string', 'null'],
    default: null,
    description: 'image of a card (npm run image) for an emulated board; it is copied, not written to',
    for: ['hil'],
  },
  others: {
    enum: ['devices', 'drivers'],
    default: 'devices',
    description: "who drives the other learners' cars: devices on this machine, or the simulator's drivers",
    for: ['hil'],
  },
  unitIntervalS: {
    type: ['number', 'null'],
    minimum: 0.1,
    maximum: 10,
    default: 0.1,
    unit: 's',
    description: 'decision interval of the unit, whole steps of 0.1 s; null: drawn, as those of the others',
    for: ['hil'],
  },
  lockStep: {
    type: 'boolean',
    default: false,
    description: 'wait for every answer instead of stepping by the clock',
    for: ['hil'],
  },
  log: {
    type: ['string', 'null'],
    default: null,
    description:
      "the unit's recording, file or directory, replayed at the end (ssh: there, by default /var/lib/trustmix/log)",
    for: ['hil'],
  },
  sshOption: {
    type: ['array', 'null'],
    items: { type: 'string', pattern: '^[A-Za-z]+=' },
    default: null,
    description: 'options for ssh -o, such as Port=2222,IdentityFile=bench.key',
    for: ['hil'],
  },
  keys: {
    type: ['string', 'null'],
    default: null,
    description: 'directory of the keys that the unit knows, as RUN-DIR/secrets of a fleet (default: new ones)',
    for: ['hil'],
  },
  monitorUsername: {
    type: ['string', 'null'],
    default: null,
    description: "user name that may read the unit's telemetry and log (default: none, as a monitor on loopback)",
    for: ['hil'],
  },
  monitorPasswordFile: {
    type: ['string', 'null'],
    default: null,
    description: 'file that holds the password of --monitor-username',
    for: ['hil'],
  },
  monitorCertFile: {
    type: ['string', 'null'],
    default: null,
    description: "certificate (PEM) of a monitor, for the unit's telemetry and log at a broker with TLS",
    for: ['hil'],
  },
  monitorKeyFile: {
    type: ['string', 'null'],
    default: null,
    description: 'key (PKCS#8, PEM) of --monitor-cert-file',
    for: ['hil'],
  },
  unitTimeoutMs: {
    type: ['integer', 'null'],
    minimum: 100,
    maximum: 3600000,
    default: null,
    unit: 'ms',
    description: 'time for the unit to be there (default: 5000 ms at a given broker, without end at its own)',
    for: ['hil'],
  },
  maxRestarts: {
    type: 'integer',
    minimum: 0,
    maximum: 1000000000,
    default: 0,
    description: 'limit: restarts of the unit',
    for: ['hil'],
  },
  maxMemoryMib: {
    type: ['number', 'null'],
    exclusiveMinimum: 0,
    default: 90,
    unit: 'MiB',
    description: 'limit: resident memory of the unit; null: not judged',
    for: ['hil'],
  },
} as const

/** The machine of QEMU that a target names; undefined for others. What time things took there says nothing about hardware. */
export function emulatedMachine(target: string): 'virt' | 'raspi3b' | undefined {
  return target === 'qemu-virt' ? 'virt' : target === 'qemu-raspi3b' ? 'raspi3b' : undefined
}
