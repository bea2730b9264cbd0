import { ExitError } from '../../schemas/exit.ts'
import type { Device } from '../device.ts'
import type { DeviceOptions } from '../device-options.ts'
import type { Mcap } from './log-encoding.ts'
import { createRecordLog } from './record-log.ts'
import { createRecordedDevice } from './recorded-device.ts'

/** A device with a recorder; `close` ends the log, within a time that a broken disk does not prolong. */
export interface Recorder {
  readonly device: Device
  close(): Promise<void>
}

const closeWithinMs = 2_000

/**
 * Loads what records to the configured directory; to be done before anything connects. ExitError 3 where `@mcap/core`, an
 * optional dependency, is not installed.
 */
export async function loadRecorder(): Promise<(options: DeviceOptions) => Recorder> {
  const mcap = await loadMcap()
  return (options) => startRecorder(mcap, options)
}

function startRecorder(mcap: Mcap, options: DeviceOptions): Recorder {
  const { config, vehicle, boot, now, software } = options
  const { recordDir, recordFileBytes, recordFiles } = config
  if (recordDir === null) throw new ExitError('usage', 'recordDir is needed, got nothing')
  const log = createRecordLog({
    ...{ mcap, directory: recordDir, vehicle, boot, now, software },
    ...{ fileBytes: recordFileBytes, files: recordFiles, startedAt: Date.parse(options.wallClock()) },
  })
  const machine = `Node ${process.versions.node} ${process.arch}`
  return {
    device: createRecordedDevice(options, log, machine),
    async close() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeWithinMs)
      })
      await Promise.race([log.close(), late])
      clearTimeout(timer)
    },
  }
}

async function loadMcap(): Promise<Mcap> {
  try {
    return await import('@mcap/core')
  } catch (error) {
    throw new ExitError('unreachable', `recordDir needs the package @mcap/core: ${(error as Error).message}`)
  }
}
