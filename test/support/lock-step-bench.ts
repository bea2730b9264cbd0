import type { Bus } from '../../device/bus/bus.ts'
import { createLocalBroker } from '../../device/bus/local-bus.ts'
import type { Act, Obs } from '../../schemas/lock-step.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import { createLockStep, type LockStep, type LockStepObserver } from '../../sim-bridge/lock-step.ts'
import { reset } from './rig.ts'

export const fleet = 'demo'
export const run = 'run1'
export const hash = '2'.repeat(64)

/** A lock-step, the devices' end of the bus and a clock that the test advances. */
export interface Bench {
  readonly lockStep: LockStep
  readonly clock: { ms: number }
  /** Everything asked so far, repetitions included. */
  readonly asked: Obs[]
  readonly left: string[]
  status(vehicle: string, change?: Partial<Status>): void
  answer(vehicle: string, seq: number, change?: Partial<Act>): void
}

/** A lock-step of the vehicles d1 and d2; the buses of the two ends may be given. */
export function createBench(
  given: { bridge?: Bus; device?: Bus; observer?: LockStepObserver; session?: string } = {},
): Bench {
  const broker = createLocalBroker()
  const device = given.device ?? broker.connect()
  const clock = { ms: 0 }
  const [asked, left]: [Obs[], string[]] = [[], []]
  device.subscribe(channels.obs, { fleet, run }, (obs) => asked.push(obs))
  const lockStep = createLockStep({
    ...{ bus: given.bridge ?? broker.connect(), fleet, run, vehicles: ['d1', 'd2'], answerTimeoutMs: 30_000 },
    now: () => clock.ms,
    onLeft: (_, cause) => left.push(cause),
    ...(given.observer && { observer: given.observer }),
    ...(given.session !== undefined && { session: given.session }),
  })
  return {
    ...{ lockStep, clock, asked, left },
    status(vehicle, change) {
      const status = { version: 1, state: 'online', boot: 1, connection: 1, ...change } as const
      device.publish(channels.status, { fleet, vehicle }, status)
    },
    answer(vehicle, seq, change) {
      const act = { version: 1, run, epoch: 1, step: 0, seq, kind: 'reset', policyHash: hash, ...change } as Act
      device.publish(channels.act, { fleet, run, vehicle }, act)
    },
  }
}

/** A bench with d1 online, reset and live. */
export async function joined(session?: string): Promise<Bench> {
  const told = session === undefined ? {} : { session }
  const bench = createBench(told)
  bench.status('d1')
  const answer = bench.lockStep.ask('d1', reset)
  bench.answer('d1', 1, told)
  await answer
  return bench
}
