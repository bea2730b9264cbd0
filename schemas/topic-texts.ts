import type { channels } from './topics.ts'

export type ChannelName = keyof typeof channels

/** What a channel is for, in words for whoever meets it first. */
export interface TopicText {
  readonly title: string
  readonly description: string
}

/** The title and description of every channel; docs/asyncapi.json takes its words from here. */
export const topicTexts: Readonly<Record<ChannelName, TopicText>> = {
  status: {
    title: 'Is a vehicle there, and how is it set',
    description:
      'Retained birth and will of a device or of the aggregator. A device publishes it whenever it connects and whenever what it says changes; its will says `offline`. (boot, connection) grows, so that a late will of an older connection is told apart.',
  },
  telemetry: {
    title: 'What a vehicle measures of itself',
    description:
      'Once a round (every 25 simulated seconds). Names and units are those of COVESA VSS; what VSS does not know stands under `Vehicle.Private.Trustmix` (docs/vss). The only topic outside `sim/` with a speed in it.',
  },
  verdict: {
    title: 'One judgement of another policy',
    description:
      'Whether a device mixed a peer’s policy into its own and why, with every number that the decision rests on; what could not be computed is null. Mode `wire` is a message that was refused before anything was judged.',
  },
  log: {
    title: 'Trouble in words',
    description:
      'A fallback, a damaged checkpoint, a command: at most two lines a second from one device; a `rollback` comes in any case.',
  },
  cmd: {
    title: 'A signed command to one vehicle',
    description:
      'An operator has a vehicle pause, resume, roll back, judge in another mode, read its configuration again or hand an update over. The body is JSON as text, the signature is Ed25519 over its exact UTF-8 bytes. Repeated until it is answered on `ack`, carried out once.',
  },
  ack: {
    title: 'The answer to a command',
    description:
      'One answer to each command, under the name of the command: done, or refused with a reason. A repeated command is answered with it again.',
  },
  ann: {
    title: 'Which parameters a device has to offer',
    description:
      'Retained announcement: the hash, sequence and size of what is on `params`. Emptied (a retained message of no bytes) when the device stops.',
  },
  want: {
    title: 'A peer asks for parameters once more',
    description:
      'Published under the id of the device that is asked, which publishes its `params` again if it still has that hash, at most twice a second.',
  },
  params: {
    title: 'The policy of a device',
    description:
      'After each update: the signed parameters of the policy, nothing else. No observation, no sample, no value network.',
  },
  aggregate: {
    title: 'The average of all policies',
    description:
      'From the averaging server after each round, only with the methods `average` and `average-gated`; otherwise as `params`.',
  },
  obs: {
    title: 'A question of the lock-step',
    description:
      'From the bridge, which owns the simulated time, to one vehicle. Each is answered exactly once on `act` with the same `seq`; the world stands still until all have answered. What is unanswered is repeated once a second.',
  },
  act: {
    title: 'An answer of the lock-step',
    description:
      'The command to the car, or how learning and mixing went. A repeated question gets the same answer again.',
  },
  world: {
    title: 'Where every car is',
    description: 'For those who watch, at most 20 a second of real time.',
  },
  run: {
    title: 'What is driven, and how it has gone so far',
    description:
      'Retained while a run lasts, renewed after every epoch; emptied (a retained message of no bytes) at its end.',
  },
  roster: {
    title: 'Who belongs to the fleet',
    description:
      'Signed by the root of the fleet: keys of the devices, keys and rights of the operators, what is revoked. The body is JSON as text, the signature is Ed25519 over its exact UTF-8 bytes. Only a higher number than the last is taken.',
  },
  health: {
    title: 'How the fleet is',
    description: 'Once a second from a monitor: vehicles, who is late, which alarms stand, what the broker refuses.',
  },
  alarm: {
    title: 'Something needs a human',
    description:
      'Retained while it stands, with what was seen and what to do; emptied (a retained message of no bytes) when it is over.',
  },
}
