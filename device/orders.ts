import type { CommandOrder, GateMode, Orders } from '../schemas/command.ts'
import { type Config, type ConfigKey, configKeys } from '../schemas/config.ts'
import type { Status } from '../schemas/status.ts'
import type { CommandMessage } from '../schemas/trust.ts'
import { formatVersion } from '../schemas/validator.ts'
import type { Stateful } from './device-state.ts'
import type { Judging } from './judge.ts'
import type { LastGood } from './last-good.ts'
import { methods, observedMethod } from './methods/index.ts'
import type { OnConsidered } from './methods/method.ts'
import type { Operator, Outcome } from './trust/command.ts'

/** What a device needs of its process to be commanded. What throws here refuses the command with its message. */
export interface CommandOptions {
  /** Asked for every command. */
  readonly operators: (id: string) => Operator | undefined
  /** What was ordered before the restart. */
  readonly ordered?: Orders
  /** What was wrong with that, for the status. */
  readonly notes?: readonly string[]
  /** Makes what is ordered durable. */
  readonly keep?: (orders: Orders) => void
  /** Reads operators and configuration again; `take` makes the operators count. */
  readonly reload?: () => { readonly config: Config; readonly take: () => void }
  /** Hands the command to whoever installs updates. */
  readonly requestUpdate?: (message: CommandMessage) => void
}

/** What is ordered of a device, and how it is carried out. */
export interface Standing extends Stateful<StandingState> {
  /** Learning and mixing rest. */
  readonly paused: boolean
  readonly judging: () => Judging
  execute(order: CommandOrder, message: CommandMessage, operator: string): Outcome
  /** Adds to a round's note what was carried out since the last one: it is not what the seed alone would make of it. */
  noted(note: string | undefined): { readonly note?: string }
  status(): Pick<Status, 'paused' | 'gateMode' | 'lastGood' | 'rollbacks'>
}

/** What was ordered, what a reload changed, and what is still to be noted. */
export interface StandingState {
  readonly orders: Orders
  readonly reloaded: Partial<Config>
  readonly carriedOut: readonly string[]
}

export interface StandingOptions {
  readonly config: Config
  readonly commands: CommandOptions | undefined
  readonly lastGood: LastGood | undefined
  readonly onConsidered: OnConsidered | undefined
}

/** Keys that a running device takes from its configuration file; all others need a restart. */
export const reloadableKeys = [
  'operatorsFile',
  'gateMode',
  'estimator',
  'margin',
  'gateSamples',
  'fixedAlpha',
  'coinProbability',
  'z',
  'certifiedTest',
  'klRadius',
  'advantageEstimator',
  'minimumAlpha',
  'minimumEffectiveSampleSize',
  'missingAfterMs',
] as const satisfies readonly ConfigKey[]

export function createStanding({ config: first, commands, lastGood, onConsidered }: StandingOptions): Standing {
  let config = first
  let orders = commands?.ordered ?? { version: formatVersion, paused: false, gateMode: null }
  let carriedOut: string[] = []
  let judging = judgingOf(config, orders.gateMode, onConsidered) ?? judgingIn(config, onConsidered)

  /** A disk that is full must not keep a car from being paused: the order then holds until the restart, and the answer says so. */
  const order = (next: Orders): Outcome => {
    orders = next
    try {
      commands?.keep?.(next)
      return done
    } catch (error) {
      return { result: 'done', detail: `holds until the restart: ${(error as Error).message}` }
    }
  }

  const goBack = (hash: string | undefined): Outcome => {
    if (!lastGood?.hash) {
      const why = lastGood ? `the first ${config.rollbackWindow} rounds are not over` : 'rollbackDrop is not set'
      return { result: 'refused', reason: 'nothing-kept', detail: `no policy is kept: ${why}` }
    }
    if (!lastGood.goBack(hash))
      return { result: 'refused', reason: 'not-kept', detail: `policyHash must be of a kept policy, got ${hash}` }
    return { result: 'done', detail: `back to ${lastGood.hash}` }
  }

  const switchGate = (mode: GateMode): Outcome => {
    const next = judgingOf(config, mode, onConsidered)
    const detail = `method ${config.method} has no gate mode ${mode}`
    if (!next) return { result: 'refused', reason: 'not-applicable', detail }
    judging = next
    return order({ ...orders, gateMode: mode })
  }

  /** All or nothing. What the file says of the gate counts again; a pause stays. */
  const reload = (): Outcome => {
    if (!commands?.reload) return { result: 'refused', reason: 'not-applicable', detail: 'there is nothing to read' }
    const { config: next, take } = commands.reload()
    const changed = configKeys('device').filter((key) => JSON.stringify(next[key]) !== JSON.stringify(config[key]))
    const fixed = changed.filter((key) => !(reloadableKeys as readonly string[]).includes(key))
    if (fixed.length > 0)
      return { result: 'refused', reason: 'restart-needed', detail: `only a restart changes ${fixed.join(', ')}` }
    take()
    config = next
    judging = judgingIn(config, onConsidered)
    const kept = orders.gateMode === null ? done : order({ ...orders, gateMode: null })
    return kept === done ? { result: 'done', detail: `changed: ${changed.join(', ') || 'no key'}` } : kept
  }

  const update = (message: CommandMessage): Outcome => {
    const detail = 'nothing installs updates here'
    if (!commands?.requestUpdate) return { result: 'refused', reason: 'not-applicable', detail }
    commands.requestUpdate(message)
    return { result: 'done', detail: 'handed over' }
  }

  const carryOut = (asked: CommandOrder, message: CommandMessage): Outcome => {
    switch (asked.name) {
      case 'pause':
        return order({ ...orders, paused: true })
      case 'resume':
        return order({ ...orders, paused: false })
      case 'rollback':
        return goBack(asked.args.policyHash)
      case 'gate-mode':
        return switchGate(asked.args.mode)
      case 'reload':
        return orRefused('bad-configuration', reload)
      case 'update':
        return orRefused('not-stored', () => update(message))
    }
  }

  return {
    state: () => ({
      orders,
      reloaded: Object.fromEntries(reloadableKeys.map((key) => [key, config[key]])) as Partial<Config>,
      carriedOut: [...carriedOut],
    }),
    restore(state) {
      config = { ...first, ...state.reloaded }
      orders = state.orders
      carriedOut = [...state.carriedOut]
      judging = judgingOf(config, orders.gateMode, onConsidered) ?? judgingIn(config, onConsidered)
    },
    get paused() {
      return orders.paused
    },
    judging: () => judging,
    execute(asked, message, operator) {
      const outcome = carryOut(asked, message)
      if (outcome.result === 'done' && carriedOut.length < maxNoted) carriedOut.push(`${asked.name} of ${operator}`)
      return outcome
    },
    noted(note) {
      const commanded = carriedOut.length === 0 ? [] : [`commanded: ${carriedOut.join(', ')}`]
      carriedOut = []
      const said = [...(note === undefined ? [] : [note]), ...commanded].join('; ')
      return said === '' ? {} : { note: said.slice(0, noteLength) }
    },
    status() {
      const gateMode = gateModeOf(judging)
      return {
        paused: orders.paused,
        ...(gateMode && { gateMode }),
        ...(lastGood && { rollbacks: lastGood.rollbacks }),
        ...(lastGood?.hash !== undefined && { lastGood: lastGood.hash }),
      }
    },
  }
}

const done: Outcome = { result: 'done' }

/** Commands named in a note. */
const maxNoted = 8

/** Of a note in the lock-step, characters. */
const noteLength = 400

function orRefused(reason: 'bad-configuration' | 'not-stored', work: () => Outcome): Outcome {
  try {
    return work()
  } catch (error) {
    return { result: 'refused', reason, detail: (error as Error).message }
  }
}

function judgingIn(config: Config, onConsidered: OnConsidered | undefined): Judging {
  return { config, method: observedMethod(methods[config.method], onConsidered) }
}

/** The configured judgement in another mode; undefined where the configured method has no such mode. */
function judgingOf(config: Config, mode: GateMode | null, onConsidered: OnConsidered | undefined): Judging | undefined {
  if (mode === null) return judgingIn(config, onConsidered)
  const { method } = config
  const switches = method === 'gated' || method === 'certified'
  if (mode === 'certified') return switches ? judgingIn({ ...config, method: mode }, onConsidered) : undefined
  if (switches) return judgingIn({ ...config, method: 'gated', gateMode: mode }, onConsidered)
  return hasBound(method) ? judgingIn({ ...config, gateMode: mode }, onConsidered) : undefined
}

/** Methods that take α from the bound. */
function hasBound(method: Config['method']): boolean {
  return method === 'gated' || method === 'average-gated' || method === 'coin' || method === 'reversed'
}

function gateModeOf({ config: { method, gateMode } }: Judging): GateMode | undefined {
  return method === 'certified' ? 'certified' : hasBound(method) ? gateMode : undefined
}
