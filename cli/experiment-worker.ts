import { parentPort } from 'node:worker_threads'
import { createAggregator } from '../broker/aggregator.ts'
import type { ExitError } from '../schemas/exit.ts'
import type { JobResult, StudyJob } from '../schemas/study.ts'
import { runStudyJob } from '../sim-bridge/experiment/study/job.ts'

/** What a worker says of the job that it was given. */
export type FromWorker =
  | { readonly kind: 'epoch' }
  | { readonly kind: 'done'; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly name: string; readonly words: string; readonly code: number | undefined }

/** A thread of `trustmix experiment`: one job after the other. */
const port = parentPort
if (port === null) throw new Error('this file must be run as a thread')
const say = (message: FromWorker): void => port.postMessage(message)

port.on('message', async (job: StudyJob) => {
  try {
    const result = await runStudyJob(job, {
      attachAggregator({ config: { fleet, cell } }, { bus, run, kind, identity, decode }) {
        createAggregator({
          ...{
            bus,
            fleet,
            cell,
            run,
            kind,
            identity,
            decode,
            boot: 1,
            software: 'experiment',
            now: () => 0,
            wallClock: () => '',
          },
        })
      },
      onEpoch: () => say({ kind: 'epoch' }),
    })
    say({ kind: 'done', result })
  } catch (error) {
    const { name, message, code } = error as ExitError
    say({ kind: 'failed', name, words: `job ${job.id}: ${message}`, code: typeof code === 'number' ? code : undefined })
  }
})
