import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { User } from '../../broker/admission.ts'
import type { Broker } from '../../broker/broker.ts'
import { openRunDirectory, type RunDirectory } from '../../cli/run-directory.ts'
import { defaultConfig } from '../../schemas/config.ts'
import { type HilReport, validateHilReport } from '../../schemas/hil-report.ts'
import { bridgeId, learnersOf } from '../../sim-bridge/cli.ts'
import { start } from './broker-fixture.ts'
import { bin } from './fleet.ts'
import { type Running, startProgram, testFolder } from './program.ts'

/** The bin as a process, killed with the test. */
export function startBin(t: Test, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  return startProgram(t, [process.execPath, bin, ...args], { environment })
}

export interface HilFixture {
  readonly broker: Broker
  readonly url: string
  /** Keys and passwords of everyone. */
  readonly keys: string
  readonly directory: RunDirectory
  /** Starts the unit car01 as a device of its own, in the run `bench`. */
  startUnit(more?: Record<string, unknown>): Running
}

export const small = ['--hidden', '8,8']

/** A shared machine says little about deadlines at thirty times the clock. */
export const lenient = [
  '--max-misses',
  '1000000',
  '--max-handed-over',
  '1000000',
  '--max-rebases',
  '1000000',
  '--max-memory-mib',
  '200',
]

/** A broker as a fleet has it, with the keys that a unit on the bench knows. */
export async function hilFixture(t: Test): Promise<HilFixture> {
  const path = join(testFolder(t), 'bench')
  const directory = openRunDirectory({ ...defaultConfig, runDir: path }, learnersOf(defaultConfig), bridgeId)
  const { users } = JSON.parse(readFileSync(directory.secret('users.json'), 'utf8')) as { users: Record<string, User> }
  const broker = await start(t, { users: new Map(Object.entries(users)), anonymousMonitors: true })
  const url = `mqtt://127.0.0.1:${broker.port}`
  return {
    ...{ broker, url, directory, keys: join(path, 'secrets') },
    startUnit(more = {}) {
      const file = directory.processConfig('car01', {
        ...{ vehicle: 'car01', run: 'bench', broker: url, hidden: [8, 8], maxBackoffMs: 1_000 },
        ...{ username: 'car01', passwordFile: directory.secret('car01.password') },
        ...{ privateKeyFile: directory.secret('car01.key.pem'), publicKeysFile: directory.secret('public-keys.json') },
        stateDir: directory.state('car01'),
        ...more,
      })
      return startBin(t, ['device', '--config', file])
    },
  }
}

/** The report of a directory, by its schema. */
export function readHilReport(directory: string): HilReport {
  const report = validateHilReport(JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')))
  if (!report.ok) throw new Error(report.detail)
  return report.value
}
