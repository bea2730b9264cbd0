import type { RunMessage } from '../../../../schemas/run.ts'

export interface EpochScore {
  readonly epoch: number
  readonly nas: number
}

/** Scores that `run` carries at most (`schemas/run.ts`). */
const mostTold = 500

/** The scores of the epochs that a run tells, by number; of a long run the newest. */
export function scoresOf({ history, epoch }: Pick<RunMessage, 'history' | 'epoch'>, ended: boolean): EpochScore[] {
  // While an epoch is driven its score is not there yet.
  const done = history.length < mostTold ? history.length : ended ? epoch : epoch - 1
  return history.map((nas, i) => ({ epoch: done - history.length + 1 + i, nas }))
}
