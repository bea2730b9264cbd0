import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Config } from '../schemas/config.ts'
import { type Figure, figureOf, median } from './measure.ts'

/** What `whole-epochs.ts` is asked for … */
export interface EpochsAsked {
  readonly changes: Partial<Config>
  /** Epochs before the first that counts, and those that count. */
  readonly warm: number
  readonly epochs: number
}

/** … and answers: CPU time of each epoch, ms, and of the calibration's product, taken between them, µs. */
export interface EpochsTaken {
  readonly ms: readonly number[]
  readonly calibrationUs: readonly number[]
}

/**
 * A whole epoch in one process: 14 cars, 7 devices that learn and mix, 1500 steps, 6 rounds; CPU time. Methods `gated`, with
 * the default reading of the bound, and `certified`; and `gated` without sample reuse, in the letter's setting, where most
 * updates are of three to ten samples. Each in a process of its own, as `npm start` runs them.
 */
export async function localEpochs(quick: boolean): Promise<Figure[]> {
  return [
    await localEpoch('epoch-gated', 'method gated, setting headway', {}, quick),
    await localEpoch('epoch-certified', 'method certified, setting headway', { method: 'certified' }, quick),
    await localEpoch('epoch-gated-letter', 'method gated, setting letter', { setting: 'letter' }, quick),
  ]
}

async function localEpoch(name: string, what: string, changes: Partial<Config>, quick: boolean): Promise<Figure> {
  const script = fileURLToPath(new URL('whole-epochs.js', import.meta.url))
  const asked: EpochsAsked = { changes, ...(quick ? { warm: 4, epochs: 8 } : { warm: 50, epochs: 150 }) }
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(asked)])
  const { ms, calibrationUs } = JSON.parse(stdout) as EpochsTaken
  const about = `${what}, engine wasm, one process over LocalBus, after ${asked.warm} epochs`
  return { ...figureOf(name, 'ms CPU', ms, about), calibrationUs: median(calibrationUs) }
}
