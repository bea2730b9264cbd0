import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { logName } from '../device/recorder/log-files.ts'
import { type ReplayResult, replayLog } from '../device/recorder/replay.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Command, CommandIo } from './command.ts'
import { progressEveryMs } from './experiment-progress.ts'
import { progressBar } from './progress-bar.ts'

/** Computes recorded logs again, bit for bit. */
export const replayCommand: Command = {
  help: `trustmix replay: computes what a device recorded (--record-dir) again and compares every action, update and verdict.

Usage: trustmix replay LOG [LOG…] [--json]

  LOG       a log file, or a directory of them, also of several vehicles
  --json    print one JSON object on stdout; progress goes to stderr
  --help    this text

Exit codes: 0 identical, 5 something differs (the first record that does is named), 4 a log is damaged, 2 another engine
recorded, or there is nothing to replay; 130 interrupted. A log that was cut by a power cut is replayed as far as it is whole.`,
  async run(args, io) {
    const json = args.includes('--json')
    const paths = args.filter((arg) => arg !== '--json')
    const unknown = paths.find((arg) => arg.startsWith('--'))
    if (unknown !== undefined) throw new ExitError('usage', `replay: unknown option ${unknown}`)
    if (paths.length === 0) throw new ExitError('usage', 'replay needs a log file or a directory of them, got nothing')
    const files = (await Promise.all(paths.map(logsIn))).flat()
    const logs: ReplayResult[] = []
    for (const group of byVehicle(files)) {
      const result = await replayLog(group, { onProgress: progress(io) })
      if (!json) io.output(`${described(result)}\n`)
      logs.push(result)
    }
    const identical = logs.every((log) => log.identical)
    const records = logs.reduce((sum, log) => sum + log.records, 0)
    if (json) io.output(`${JSON.stringify({ identical, records, logs })}\n`)
    return identical ? exitCodes.ok : exitCodes.failed
  },
}

/** What a log says, for people. */
export function described(result: ReplayResult): string {
  const { vehicle, identical, records, files, first, lost, cut, policyHash, engine, software, machine, counts } = result
  const kinds = Object.entries(counts).map(([topic, count]) => `  ${topic.padEnd(16)}${String(count).padStart(9)}`)
  return [
    `${vehicle}: ${identical ? 'identical' : 'differs'}, ${records} records in ${files} ${files === 1 ? 'file' : 'files'}`,
    ...(first
      ? [
          `  first: ${first.file}, record ${first.record}, ${first.topic}${first.field && `, ${first.field}`}`,
          `    recorded ${first.expected}`,
          `    computed ${first.found}`,
        ]
      : []),
    ...(lost > 0 ? [`  ${lost} records were lost when it was recorded`] : []),
    ...(cut > 0 ? [`  ${cut} ${cut === 1 ? 'file was' : 'files were'} not ended: cut, or still written to`] : []),
    `  recorded by ${software}, engine ${engine}, ${machine}`,
    `  policyHash ${policyHash}`,
    ...kinds.sort(),
  ].join('\n')
}

/** The file, or the logs of a directory; ExitError 2 where there are none. */
async function logsIn(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = (await readdir(path)).filter((name) => logName.test(name)).sort()
    if (names.length === 0) throw new ExitError('usage', `${path} must hold logs (VEHICLE-BOOT-FILE.mcap), got none`)
    return names.map((name) => join(path, name))
  } catch (error) {
    if (error instanceof ExitError) throw error
    throw new ExitError('usage', (error as Error).message)
  }
}

/** By the names that the recorder gives; files that were renamed count as of one vehicle, which the replay checks. */
function byVehicle(files: readonly string[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const file of files) {
    const vehicle = logName.exec(file.split('/').at(-1) ?? '')?.[1] ?? ''
    groups.set(vehicle, [...(groups.get(vehicle) ?? []), file])
  }
  return [...groups.values()]
}

/** A bar now and then, and a turn for the signals. */
function progress(io: CommandIo): (done: number, all: number) => Promise<void> {
  let shownAt = performance.now()
  let stopped = false
  io.stopped.then(() => {
    stopped = true
  })
  return async (done, all) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (stopped) throw new ExitError('interrupted', `interrupted after ${done} of ${all} records`)
    const now = performance.now()
    if (now - shownAt < progressEveryMs) return
    shownAt = now
    io.print(progressBar(done, all))
  }
}
