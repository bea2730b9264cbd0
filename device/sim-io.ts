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

/** Bridges before the present one whose late questions are told apart. */
const maxGone = 8

/**
 * The device's side of the lock-step on the sim topics: every `obs` gets exactly one `act` with its `seq`. One seen again
 * gets the stored answer again; nothing counts before the first `reset`, so that a restarted device rejoins there. The
 * `reset` of another bridge of the run begins anew: from then on nothing of the one before counts, however late it comes.
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
  let ended = false
  let session: string | undefined
  const gone: string[] = []

  const begin = (): void => {
    for (const lane of [control, round]) {
      lane.lastSeq = -1
      lane.answered = undefined
    }
    joined = false
  }

  /** Whether a question is one of the present bridge's, which a `reset` (or, if there is none, an `end`) of a new one makes it. */
  const heeds = ({ kind, seq, session: asking }: Obs): boolean => {
    if (asking !== session) {
      if (asking !== undefined && gone.includes(asking)) return false
      if (kind !== 'reset' && (kind !== 'end' || joined)) return false
      if (session !== undefined) gone.push(session)
      if (gone.length > maxGone) gone.shift()
      session = asking
      begin()
    } else if (asking === undefined && ended && kind === 'reset' && seq <= control.lastSeq) {
      // A bridge that tells no session begins from any number once the run before it is over.
      if (seq < control.lastSeq || control.answered?.kind !== 'reset') begin()
    }
    return joined || kind === 'reset' || kind === 'end'
  }

  return {
    start(handlers) {
      const answer = (act: Act): void => {
        const lane = isOfRound(act.kind) ? round : control
        if (act.seq !== lane.lastSeq || act.session !== session) return
        lane.answered = act
        bus.publish(channels.act, { fleet, run, vehicle }, act)
      }
      bus.subscribe(channels.obs, { fleet, run, vehicle }, (obs) => {
        const lane = isOfRound(obs.kind) ? round : control
        if (obs.run !== run || !heeds(obs) || obs.seq < lane.lastSeq) return
        if (obs.seq === lane.lastSeq) {
          if (lane.answered) bus.publish(channels.act, { fleet, run, vehicle }, lane.answered)
          return
        }
        lane.lastSeq = obs.seq
        lane.answered = undefined
        if (obs.kind === 'reset') {
          joined = true
          round.lastSeq = obs.seq // what is left of the last epoch's rounds is over
        } else {
          ended = obs.kind === 'end'
          if (ended) joined = false
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
  switch (obs.kind) {
    case 'reset':
      answer(enveloped(obs, { kind: 'reset', policyHash: handlers.reset(obs) }))
      break
    case 'decide': {
      const { command, fallback } = handlers.decide(obs.observation, obs.outcome)
      const decided = { kind: 'decide', command } as const
      answer(enveloped(obs, fallback === undefined ? decided : { ...decided, fallback }))
      break
    }
    case 'learn': {
      const { epoch, step, outcome, observation } = obs
      const closing = outcome && observation ? { outcome, observation } : undefined
      handlers
        .learn({ epoch, step }, closing)
        .then((learned) => answer(enveloped(obs, { kind: 'learn', ...learned })))
        .catch(onTrouble)
      break
    }
    case 'mix': {
      const { epoch, step, policies, aggregate } = obs
      handlers
        .mix({ epoch, step, policies, aggregate })
        .then(({ verdicts, ...mixed }) => answer(enveloped(obs, { kind: 'mix', ...mixed, verdicts: [...verdicts] })))
        .catch(onTrouble)
      break
    }
    case 'end':
      answer(enveloped(obs, { kind: 'end', policyHash: handlers.end() }))
      break
  }
}

/**
 * What is said in answer to a question. Its own fields first: an object that begins with a spread one and goes on gets a
 * hidden class of its own each time (V8 11.3), and everything that reads it misses its inline caches.
 */
function enveloped<Said extends object>({ run, epoch, step, seq, session }: Obs, said: Said) {
  const version = formatVersion
  return session === undefined
    ? ({ version, run, epoch, step, seq, ...said } as const)
    : ({ version, run, epoch, step, seq, session, ...said } as const)
}
