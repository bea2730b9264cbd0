import { policyHash } from '../../device/identity.ts'
import type { CommandOptions } from '../../device/orders.ts'
import { type CommandBody, commandNames } from '../../schemas/command.ts'
import type { Config } from '../../schemas/config.ts'
import { channels } from '../../schemas/topics.ts'
import type { Acknowledgement, CommandMessage } from '../../schemas/trust.ts'
import { calm } from './devices.ts'
import { createOperator } from './operators.ts'
import { at, createRig, decide, last, outcome, peerPolicies, policyOf, turn } from './rig.ts'

export const ann = createOperator('ann')
const everything = { key: ann.key, commands: commandNames }
/** What car10 offers unless told otherwise. */
export const [near] = peerPolicies

/** A rig of car01 that ann commands. */
export function commandedRig(
  more: Partial<Config> = {},
  given: Partial<CommandOptions> & Parameters<typeof createRig>[2] = {},
) {
  const { store, clock, pause, ...files } = given
  const rig = createRig(['car01'], more, {
    ...(store && { store }),
    ...(clock && { clock }),
    ...(pause && { pause }),
    commands: { operators: (id) => (id === 'ann' ? everything : undefined), ...files },
  })
  const acks: Acknowledgement[] = []
  const lines: string[] = []
  rig.bus.subscribe(channels.ack, { fleet: 'demo', vehicle: 'car01' }, (ack) => acks.push(ack))
  rig.bus.subscribe(channels.log, { fleet: 'demo' }, ({ event, text }) => lines.push(`${event}: ${text}`))
  let counter = 0
  const send = (message: CommandMessage, name: string): void =>
    rig.bus.publish(channels.cmd, { fleet: 'demo', vehicle: 'car01', name }, message)
  return {
    ...{ rig, acks, lines, send },
    command(
      name: string,
      args: CommandBody['args'] = {},
      more: Partial<CommandBody> = {},
    ): Acknowledgement | undefined {
      counter++
      send(ann.command({ name, counter, args, ...more }), name)
      return acks.at(-1)
    },
    /** Drives and learns one round; each decision earns `reward` a step. Resolves with the answer to `learn`. */
    async round(reward: number, decisions = 8) {
      for (let k = 0; k < decisions; k++)
        rig.ask('car01', { ...decide, observation: { ...calm, speed: k }, outcome: { ...outcome, reward } })
      rig.ask('car01', { kind: 'learn', ...at, outcome: { ...last, reward }, observation: calm })
      await turn()
      return rig.last('learn')
    },
    /** Considers the policy of car10; resolves with the answer to `mix`. */
    async mix(policy: Float64Array | Float32Array = near, sequence = 1) {
      const hash = rig.offer('car10', policy, sequence)
      const own = policyHash(policyOf(rig, 'car01'))
      rig.ask('car01', { kind: 'mix', ...at, policies: { car01: own, car10: hash } })
      await turn()
      return rig.last('mix')
    },
  }
}
