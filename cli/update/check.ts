import { createAgent } from '../../device/agent.ts'
import { ADAM_EPSILON } from '../../device/core/adam.ts'
import { loadEngine } from '../../device/engines/index.ts'
import { readGoldenCase } from '../../device/golden.ts'
import {
  type CommandContext,
  configuredArchitecture,
  connectBus,
  openCheckpoints,
  reach,
  required,
} from '../../device/process.ts'
import { selfTest } from '../../device/self-test.ts'
import type { Config } from '../../schemas/config.ts'
import { settingOf } from '../../schemas/setting-of.ts'
import type { PendingUpdate } from '../../schemas/update.ts'
import { checkpointHash } from './apply.ts'
import type { Board } from './board.ts'
import { Refusal } from './refusal.ts'

export interface CheckOptions {
  readonly config: Config
  readonly board: Board
  /** Folder of golden vectors. */
  readonly vectors: string
  readonly limits: {
    /** Most that a decision may take. */
    readonly tickMs: number
    /** Time for the network and the broker to be there. */
    readonly brokerWaitMs: number
  }
  readonly context: CommandContext
}

/**
 * The first thing after the restart that an update brought. In the new slot: is the system good? If so its slot counts from now on;
 * if not this says false, and why is kept. In the old slot: says in the status that it was returned to. False only where the
 * board has to start again.
 */
export async function checkUpdate(options: CheckOptions): Promise<boolean> {
  const { board, context } = options
  const pending = board.pending()
  if (!pending) return true
  const slot = await board.slot()
  if (slot !== pending.to) {
    const { reason, detail } = pending.failed ?? notStarted
    board.finish({ state: 'returned', reason, ...(detail !== undefined && { detail }) })
    context.print(`the update is not good: ${reason}: ${detail ?? ''}; slot ${slot} runs again`)
    return true
  }
  try {
    await judgeSystem(pending, options)
    await board.commit()
  } catch (error) {
    const { reason, message } = error instanceof Refusal ? error : new Refusal('not-judged', (error as Error).message)
    board.keepPending({ ...pending, failed: { reason, detail: message.slice(0, 200) } })
    context.print(`${reason}: ${message}`)
    return false
  }
  board.finish({ state: 'good' })
  context.print(`the update is good: slot ${slot} counts from now on`)
  return true
}

const notStarted = {
  reason: 'not-started',
  detail:
    'the new system never came so far as to be judged: no kernel, no start, a reset, or a firmware that did not try it',
} as const

/** Throws Refusal with the first thing that is not as it should be. */
async function judgeSystem(
  pending: PendingUpdate,
  { config, board, vectors, limits, context }: CheckOptions,
): Promise<void> {
  const stateDir = required(config, 'stateDir')
  const found = checkpointHash(stateDir)
  if (found !== pending.checkpoint)
    throw new Refusal('checkpoint', `the checkpoint must be ${pending.checkpoint}, got ${found}`)
  const create = await loadEngine(config.engine)
  const broken = selfTest(create, readGoldenCase(vectors, 'case-2'))
  if (broken !== undefined) throw new Refusal('arithmetic', broken)

  const engine = create(configuredArchitecture(config))
  const { state, notes } = openCheckpoints(config, engine.id).load()
  if (found !== null && (!state || notes.length > 0))
    throw new Refusal('checkpoint', `this system must read the checkpoint: ${notes.join('; ')}`)
  const vehicle = required(config, 'vehicle')
  const agent = createAgent(engine, { ...config, ...settingOf(config), vehicle, adamEpsilon: ADAM_EPSILON })
  if (state) agent.restore(state)
  const slowestMs = ticks(() => void agent.act(new Float32Array(engine.architecture.observationSize)))
  if (!(slowestMs <= limits.tickMs))
    throw new Refusal('late', `a decision must take at most ${limits.tickMs} ms, got ${slowestMs.toFixed(1)}`)

  if (pending.watchdog && !(await board.isWatched())) throw new Refusal('watchdog', "the board's watchdog must be fed")
  if (pending.broker) await meetBroker(config, limits.brokerWaitMs, context)
}

/** The slowest of a hundred; the best of three tries, since something else may run on the board just then. */
function ticks(decide: () => void): number {
  const slowest = (): number => {
    let worst = 0
    for (let i = 0; i < 100; i++) {
      const began = performance.now()
      decide()
      worst = Math.max(worst, performance.now() - began)
    }
    return worst
  }
  return Math.min(slowest(), slowest(), slowest())
}

async function meetBroker(config: Config, brokerWaitMs: number, context: CommandContext): Promise<void> {
  const bus = connectBus({ ...config, maxBackoffMs: 5_000 }, required(config, 'vehicle'), context)
  try {
    await reach(bus, { ...config, connectTimeoutMs: brokerWaitMs }, context)
  } catch (error) {
    throw new Refusal('no-broker', (error as Error).message)
  } finally {
    await bus.close()
  }
}
