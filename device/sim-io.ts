import type { Act, Obs } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Bus } from './bus/bus.ts'
import type { VehicleHandlers, VehicleIo } from './io.ts'

/**
 * The device's side of the lock-step on the sim topics: every `obs` gets exactly one `act` with its `seq`. One seen again
 * gets the stored answer again; nothing counts before the first `reset`, so that a restarted device rejoins there.
 */
export function createSimIo(
  bus: Bus,
  fleet: string,
  run: string,
  vehicle: string,
  onTrouble: (error: unknown) => void = () => {},
): VehicleIo {
  let lastSeq = -1
  let answered: Act | undefined
  let joined = false
  return {
    start(handlers) {
      const answer = (act: Act): void => {
        if (act.seq !== lastSeq) return
        answered = act
        bus.publish(channels.act, { fleet, run, vehicle }, act)
      }
      bus.subscribe(channels.obs, { fleet, run, vehicle }, (obs) => {
        if (obs.run !== run || obs.seq < lastSeq || (!joined && obs.kind !== 'reset' && obs.kind !== 'end')) return
        if (obs.seq === lastSeq) {
          if (answered) bus.publish(channels.act, { fleet, run, vehicle }, answered)
          return
        }
        lastSeq = obs.seq
        answered = undefined
        if (obs.kind === 'reset') joined = true
        respond(handlers, obs, answer, onTrouble)
      })
    },
  }
}

function respond(
  handlers: VehicleHandlers,
  obs: Obs,
  answer: (act: Act) => void,
  onTrouble: (error: unknown) => void,
): void {
  const { run, epoch, step, seq } = obs
  const envelope = { version: formatVersion, run, epoch, step, seq } as const
  switch (obs.kind) {
    case 'reset':
      answer({ ...envelope, kind: 'reset', policyHash: handlers.reset(obs) })
      break
    case 'decide':
      answer({ ...envelope, kind: 'decide', ...handlers.decide(obs.observation, obs.outcome) })
      break
    case 'learn': {
      const { outcome, observation } = obs
      const closing = outcome && observation ? { outcome, observation } : undefined
      answer({ ...envelope, kind: 'learn', ...handlers.learn({ epoch, step }, closing) })
      break
    }
    case 'mix':
      handlers
        .mix({ epoch, step, policies: obs.policies, aggregate: obs.aggregate })
        .then(({ verdicts, ...mixed }) => answer({ ...envelope, kind: 'mix', ...mixed, verdicts: [...verdicts] }))
        .catch(onTrouble)
      break
    case 'end':
      answer({ ...envelope, kind: 'end', policyHash: handlers.end() })
      break
  }
}
