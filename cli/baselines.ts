import { lawParameters, lawRanges } from '../schemas/gap-laws.ts'
import type { Setting } from '../schemas/setting.ts'
import { createController } from '../sim-bridge/sim/controllers.ts'
import { controllerName } from '../sim-bridge/sim/hand-laws.ts'
import type { ScenarioOptions } from '../sim-bridge/sim/scenario.ts'
import { TrafficSimulator } from '../sim-bridge/sim/simulator.ts'

/** A horizontal line of a learning curve. */
export interface BaselineLine {
  readonly label: string
  /** m/s */
  readonly meanSpeed: number
}

/**
 * What learning is measured against, driven on the embedded simulator for one epoch each (a few milliseconds): full
 * throttle, the law of this action as it is untrained, the best constant time gap and the best hand policy.
 */
export function measureBaselines(
  scenario: ScenarioOptions,
  steps: number,
  action: Setting['action'] = 'timeGap',
): BaselineLine[] {
  const { preset } = scenario
  const simulator = new TrafficSimulator(scenario)
  const bestHeadway = controllerName('best-headway', preset)
  const laws: readonly (readonly [string, string])[] = [
    ['full throttle', 'const:1000'],
    ['untrained law', untrainedLaw(preset, action)],
    [`time gap ${bestHeadway.replace('headway:', '')} s`, bestHeadway],
    ['hand policy', controllerName('best', preset)],
  ]
  return laws.map(([label, law]) => ({ label, meanSpeed: drive(simulator, law, steps) }))
}

/** The controller that an action of 0 stands for, the mean action of a policy that has learned nothing. */
export function untrainedLaw(preset: 'flow' | 'lab', action: Setting['action']): string {
  if (action === 'acceleration') return 'const:0'
  if (action === 'timeGap') return controllerName('untrained', preset)
  const ranges = lawRanges[action][preset]
  const middle = lawParameters.map((name) => {
    const [low, high] = ranges[name]
    return name === 'timeGap' ? Math.sqrt(low * high) : (low + high) / 2
  })
  return `gap:${middle.join(':')}`
}

function drive(simulator: TrafficSimulator, law: string, steps: number): number {
  const { learner, speed } = simulator
  const controller = createController(law)
  const accelerations = new Float64Array(learner.length)
  let sum = 0
  simulator.reset()
  for (let k = 0; k < steps; k++) {
    controller(simulator, k, accelerations)
    simulator.step(accelerations)
    for (let i = 0; i < speed.length; i++) sum += speed[i]!
  }
  return sum / (steps * speed.length)
}
