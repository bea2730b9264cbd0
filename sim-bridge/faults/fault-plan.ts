import { readFileSync } from 'node:fs'
import { ExitError } from '../../schemas/exit.ts'
import { type Fault, type Faults, validateFaults } from '../../schemas/faults.ts'

/** A fault of a scenario, with the vehicles that it concerns. */
export interface PlannedFault {
  /** Place in the scenario, from 0. */
  readonly index: number
  readonly fault: Fault
  readonly vehicles: ReadonlySet<string>
}

/**
 * Fills in a scenario for these learners; a fault that names no vehicles concerns `unnamed`. Errors name the fault, the rule
 * broken and the value found.
 */
export function planFaults({ faults }: Faults, learners: readonly string[], unnamed = learners): PlannedFault[] {
  return faults.map((fault, index) => {
    if (!(fault.until > fault.at))
      throw new Error(`/faults/${index}/until must be more than at (${fault.at} s), got ${fault.until}`)
    const { vehicles = unnamed } = fault
    const named = vehicles === 'all' ? learners : vehicles
    const stranger = named.find((id) => !learners.includes(id))
    if (stranger !== undefined)
      throw new Error(`/faults/${index}/vehicles must be learners (${learners.join(', ')}), got ${stranger}`)
    return { index, fault, vehicles: new Set(named) }
  })
}

/** The scenario of a file; ExitError 2 naming path, rule and value found. */
export function readFaults(path: string, learners: readonly string[], unnamed = learners): PlannedFault[] {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ExitError('usage', `--faults: ${path} must be a JSON file: ${(error as Error).message}`)
  }
  const validated = validateFaults(value)
  if (!validated.ok) throw new ExitError('usage', `--faults: ${path}: ${validated.detail}`)
  try {
    return planFaults(validated.value, learners, unnamed)
  } catch (error) {
    throw new ExitError('usage', `--faults: ${path}: ${(error as Error).message}`)
  }
}

/** Whether a moment of an epoch lies in the window of a fault. */
export function inWindow({ epoch, at, until }: Fault, now: { readonly epoch: number; readonly s: number }): boolean {
  return (epoch === undefined || epoch === now.epoch) && now.s >= at && now.s < until
}
