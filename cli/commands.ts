import type { Command } from './command.ts'

/** A subcommand in the list of the bin; its code is loaded when it is used, so that a device does not carry the broker. */
export interface Entry {
  readonly summary: string
  /** Runs with a small heap, since it lives on small boards. */
  readonly bounded?: true
  load(): Promise<Command>
}

export const commands: Readonly<Record<string, Entry>> = {
  fleet: {
    summary: 'the whole run on this machine: broker, world and seven devices',
    load: async () => (await import('./fleet.ts')).fleetCommand,
  },
  device: {
    summary: 'one vehicle: acts, learns, publishes its policy, considers others',
    bounded: true,
    load: async () => (await import('./device.ts')).deviceCommand,
  },
  broker: {
    summary: 'the embedded MQTT broker, the averaging server, or both',
    load: async () => (await import('./broker.ts')).brokerCommand,
  },
  'sim-bridge': {
    summary: 'the traffic world and its clock, coupled to devices over MQTT',
    load: async () => (await import('./sim-bridge.ts')).bridgeCommand,
  },
  monitor: {
    summary: 'page, metrics, health and alarms of a fleet, beside any broker',
    load: async () => (await import('./monitor.ts')).monitorCommand,
  },
  top: {
    summary: 'a fleet in the terminal: vehicles, collaboration, learning, alarms',
    load: async () => (await import('./top.ts')).topCommand,
  },
  tail: {
    summary: 'every gate decision of a fleet as it is made, one line each',
    load: async () => (await import('./tail.ts')).tailCommand,
  },
  command: {
    summary: 'signed commands to one vehicle: pause, resume, rollback, gate-mode, reload, update',
    load: async () => (await import('./send-command.ts')).sendCommand,
  },
  hil: {
    summary: 'hardware in the loop: one unit on the bench against the world, with one report',
    load: async () => (await import('./hil/hil.ts')).hilCommand,
  },
  gate: {
    summary: 'judge a peer policy on own samples: the verdict with its evidence',
    load: async () => (await import('./gate.ts')).gateCommand,
  },
  learn: {
    summary: 'PPO minibatch steps on a policy file and a batch file',
    load: async () => (await import('./learn.ts')).learnCommand,
  },
  policy: {
    summary: 'init: make a new policy file; show: what one holds; export, import: tfjs, ONNX, safetensors',
    load: async () => (await import('./policy.ts')).policyCommand,
  },
  evaluate: {
    summary: 'drive one epoch with trained policies, without exploration',
    load: async () => (await import('./evaluate.ts')).evaluateCommand,
  },
  experiment: {
    summary: 'studies over many seeds and methods: figure3, figure4, bad-peers, own ones',
    load: async () => (await import('./experiment.ts')).experimentCommand,
  },
  replay: {
    summary: 'compute the log of a device again and name the first bit that differs',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  watch: {
    summary: 'the road and its cars in the terminal: a world of its own, or a running fleet',
    load: async () => (await import('./watch.ts')).watchCommand,
  },
  provision: {
    summary: 'keys, certificates and roster of a fleet; enrolment and unit files (docs/trust.md)',
    load: async () => (await import('./provision.ts')).provisionCommand,
  },
  update: {
    summary: 'on a card: installs what an operator has signed for, and judges what was installed',
    load: async () => (await import('./update.ts')).updateCommand,
  },
  flash: {
    summary: 'a card image onto a card, read back; without arguments: which disks there are',
    load: async () => (await import('./flash.ts')).flashCommand,
  },
  plot: {
    summary: 'pictures of recorded epochs: time and space, speeds, the crossing',
    load: async () => (await import('./plot.ts')).plotCommand,
  },
}
