import { formatDuration } from './view/text.ts'

export interface StudyProgress {
  readonly jobs: number
  /** Jobs that were there already. */
  readonly kept: number
  done: number
  /** Epochs driven of those that are to be driven. */
  epochs: number
  readonly allEpochs: number
}

/** Milliseconds between two lines of progress. */
export const progressEveryMs = 5_000

/** The state of a study on one line. */
export function studyProgressLine({ jobs, kept, done, epochs, allEpochs }: StudyProgress, elapsedMs: number): string {
  const rate = epochs / (elapsedMs / 1000)
  return [
    `jobs ${kept + done}/${jobs}`,
    `epochs ${epochs}/${allEpochs}`,
    `${Number.isFinite(rate) ? rate.toFixed(1) : '–'} epochs/s`,
    epochs >= allEpochs
      ? `took ${formatDuration(elapsedMs)}`
      : `ETA ${formatDuration(((allEpochs - epochs) / rate) * 1000)}`,
  ].join('  ')
}
