import type { Act, Obs } from '../schemas/lock-step.ts'
import { channels } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Bus } from './bus/bus.ts'
import type { VehicleHandlers, VehicleIo } from './io.ts'

/** Decisions go on while a round of learning is under way: each of the two has a question and an answer of its own. */
interface Lane {
  lastSeq: number
  answered: Act | undefined
}

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
  const control: Lane = { lastSeq: -1, answered: undefined }
  const round: Lane = { lastSeq: -1, answered: undefined }
  let joined = false
  return {
    start(handlers) {
      const answer = (act: Act): void => {
        const lane = isOfRound(act.kind) ? round : control
        if (act.seq !== lane.lastSeq) return
        lane.answered = act
        bus.publish(channels.act, { fleet, run, vehicle }, act)
      }
      bus.subscribe(channels.obs, { fleet, run, vehicle }, (obs) => {
        const lane = isOfRound(obs.kind) ? round : control
        if (obs.run !== run || obs.seq < lane.lastSeq || (!joined && obs.kind !== 'reset' && obs.kind !== 'end')) return
        if (obs.seq === lane.lastSeq) {
          if (lane.answered) bus.publish(channels.act, { fleet, run, vehicle }, lane.answered)
          return
        }
        lane.lastSeq = obs.seq
        lane.answered = undefined
        if (obs.kind === 'reset') {
          joined = true
          round.lastSeq = obs.seq // what is left of the last epoch's rounds is over
        }
        respond(handlers, obs, answer, onTrouble)
      })
    },
  }
}

function isOfRound(kind: Obs['kind']): boolean {
  return kind === 'learn' || kind === 'mix'
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
      handlers
        .learn({ epoch, step }, closing)
        .then((learned) => answer({ ...envelope, kind: 'learn', ...learned }))
        .catch(onTrouble)
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
