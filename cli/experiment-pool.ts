import { Worker } from 'node:worker_threads'
import { ExitError, type ExitName, exitCodes } from '../schemas/exit.ts'
import type { JobResult, StudyJob } from '../schemas/study.ts'
import type { FromWorker } from './experiment-worker.ts'

export interface PoolOptions {
  readonly workers: number
  readonly onEpoch: () => void
  readonly onDone: (job: StudyJob, result: JobResult) => void
  /** Ends the pool early. */
  readonly stopped: Promise<void>
}

/**
 * Runs jobs on worker threads, in order as threads become free. Resolves true when all are done, false when stopped; rejects
 * with the first failure, the other threads ended.
 */
export async function runJobs(jobs: readonly StudyJob[], options: PoolOptions): Promise<boolean> {
  const queue = [...jobs]
  const threads = Array.from({ length: Math.min(options.workers, jobs.length) }, startWorker)
  let over = false
  const drain = async (worker: Worker): Promise<void> => {
    for (let job = queue.shift(); job !== undefined && !over; job = queue.shift()) {
      const result = await runOn(worker, job, options.onEpoch)
      if (!over) options.onDone(job, result)
    }
  }
  try {
    return await Promise.race([Promise.all(threads.map(drain)).then(() => true), options.stopped.then(() => false)])
  } finally {
    over = true
    await Promise.all(threads.map((worker) => worker.terminate()))
  }
}

function startWorker(): Worker {
  return new Worker(new URL('./experiment-worker.js', import.meta.url), { resourceLimits })
}

/** Rounds leave much that dies young: with Node's 48 MB a tenth more of the time goes into collecting it. */
const resourceLimits = { maxYoungGenerationSizeMb: 192 } as const

function runOn(worker: Worker, job: StudyJob, onEpoch: () => void): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
      end()
    }
    const onMessage = (message: FromWorker): void => {
      if (message.kind === 'epoch') onEpoch()
      else if (message.kind === 'done') settle(() => resolve(message.result))
      else settle(() => reject(failureOf(message)))
    }
    const onError = (error: Error): void => settle(() => reject(error))
    const onExit = (code: number): void =>
      settle(() => reject(new Error(`the thread of job ${job.id} ended with ${code}`)))
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage(job)
  })
}

/** The error as it was in the thread: expected failures keep their exit code, errors of simulators their name. */
function failureOf({ name, words, code }: Extract<FromWorker, { kind: 'failed' }>): Error {
  const exit = Object.entries(exitCodes).find(([, value]) => value === code)?.[0]
  if (exit !== undefined) return new ExitError(exit as ExitName, words)
  const error = new Error(words)
  error.name = name
  return error
}
