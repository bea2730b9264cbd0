import {
  type ServeError,
  type ServeHello,
  type ServeRequest,
  type ServeTransition,
  validateServeRequest,
} from '../../schemas/serve.ts'
import { StartError } from '../sim/scenario.ts'
import { SimulatorLostError } from '../simulator.ts'
import { SumoError, SumoMissingError } from '../sumo/errors.ts'
import type { World } from '../world.ts'
import { type Decision, Decisions } from './decisions.ts'
import type { Line } from './lines.ts'

/** One client's turn-taking with a world of its own. */
export interface Session {
  /** The answer to one line. Rejects only for a defect of ours. */
  answer(line: Line): Promise<ServeTransition | ServeError>
  close(): Promise<void>
}

/** `openWorld` is called at the first reset: a client that says nothing costs no world. */
export function createSession(hello: ServeHello, openWorld: () => Promise<World>): Session {
  let world: World | undefined
  let decisions: Decisions | undefined
  let decisionSteps = 1
  let over = true

  const reset = async ({ seed, options }: ResetRequest): Promise<ServeTransition> => {
    const { observation, action, ...wanted } = { ...hello.defaults, ...options }
    world ??= await openWorld()
    if (decisions?.view.observation !== observation || decisions.view.action !== action)
      decisions = new Decisions(world, hello.preset, { observation, action })
    decisionSteps = wanted.decisionSteps
    const decision = await decisions.reset(seed)
    over = false
    return transitionOf(decision)
  }

  const step = async ({ actions, repeat }: StepRequest): Promise<ServeTransition | ServeError> => {
    if (!decisions || over)
      return refusal('out-of-turn', 'step must follow a reset, got the end of an epoch or no reset yet')
    if (actions.length !== decisions.agents.length)
      return refusal(
        'malformed',
        `/actions must hold one value per agent (${decisions.agents.length}), got ${actions.length}`,
      )
    const decision = await decisions.step(
      actions.map((u) => u ?? Number.NaN),
      repeat ?? decisionSteps,
    )
    over = decision.terminated || decision.truncated
    return transitionOf(decision)
  }

  return {
    async answer(line) {
      if ('bytes' in line)
        return refusal(
          'too-large',
          `a request must have at most ${hello.maxRequestBytes} bytes, got ${line.bytes} and more`,
        )
      const request = parse(line.text)
      if (request.kind === 'error') return request
      try {
        return await (request.kind === 'reset' ? reset(request) : step(request))
      } catch (error) {
        if (!isExpected(error)) throw error
        over = true
        return refusal('simulator', error.message)
      }
    },
    async close() {
      await world?.close()
    },
  }
}

/** The simulator is missing or gone, or cannot place the cars: the next reset may do better. */
function isExpected(error: unknown): error is Error {
  return [SimulatorLostError, SumoError, SumoMissingError, StartError].some((kind) => error instanceof kind)
}

type ResetRequest = Extract<ServeRequest, { kind: 'reset' }>
type StepRequest = Extract<ServeRequest, { kind: 'step' }>

function parse(text: string): ServeRequest | ServeError {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refusal('malformed', `a request must be one line of JSON: ${(error as Error).message}`)
  }
  const validated = validateServeRequest(value)
  return validated.ok ? validated.value : refusal(validated.reason, validated.detail)
}

/** An answer that refuses: rule and value found. */
export function refusal(reason: ServeError['reason'], detail: string): ServeError {
  return { kind: 'error', reason, detail }
}

function transitionOf({ observations, rewards, steps, terminated, truncated, info }: Decision): ServeTransition {
  const size = observations.length / rewards.length
  const rows = Array.from(rewards, (_, j) => Array.from(observations.subarray(j * size, (j + 1) * size)))
  return {
    kind: 'transition',
    observations: rows,
    rewards: Array.from(rewards),
    steps,
    terminated,
    truncated,
    info: { ...info },
  }
}
