import { join } from 'node:path'
import type { Config } from '../schemas/config.ts'
import { aggregatorId } from '../schemas/topics.ts'
import { pick } from './fleet-processes.ts'
import type { RunDirectory } from './run-directory.ts'
import type { Child, Task } from './supervisor.ts'

/** What the members of a fleet share. */
export interface Members {
  readonly config: Config
  readonly directory: RunDirectory
  readonly broker: string
  readonly run: string
  /** By which a member logs in. */
  readonly credentials: (id: string) => Partial<Config>
}

/** A device as a process of its own; its configuration is written to the run's directory. */
export function deviceTask(members: Members, vehicle: string): Task {
  return { role: 'device', vehicle, args: ['device', '--config', deviceConfig(members, vehicle)], restart: true }
}

/** Writes the configuration of a device; returns its path. */
export function deviceConfig(members: Members, vehicle: string): string {
  const { config, directory } = members
  return directory.processConfig(vehicle, {
    ...shared(members),
    ...members.credentials(vehicle),
    ...keysOf(directory, vehicle),
    operatorsFile: config.operatorsFile ?? directory.operators,
    vehicle,
    stateDir: directory.state(vehicle),
    policyFile: join(directory.policies, `${vehicle}.safetensors`),
  })
}

/** The averaging server as a process of its own. */
export function aggregatorTask(members: Members): Task {
  const { config, directory, broker, run, credentials } = members
  const { preset, setting, hidden, cell } = config
  const file = directory.processConfig(aggregatorId, {
    ...pick({ ...config, ...shared(members) }, 'broker'),
    ...credentials(aggregatorId),
    ...keysOf(directory, aggregatorId),
    ...{ broker, run, aggregator: 'only', stateDir: directory.state(aggregatorId) },
    ...{ preset, setting, hidden, cell },
  })
  return { role: 'aggregator', vehicle: null, args: ['broker', '--config', file], restart: true }
}

function shared({ config, broker, run }: Members): Partial<Config> {
  return { ...pick(config, 'device'), broker, run, maxBackoffMs: 1_000, passwordFile: null, username: null }
}

function keysOf(directory: RunDirectory, id: string): Partial<Config> {
  return {
    privateKeyFile: directory.secret(`${id}.key.pem`),
    publicKeysFile: directory.secret('public-keys.json'),
  }
}

/** Ends all processes, the broker last; those that do not end are killed. */
export async function stopAll(children: readonly Child[]): Promise<void> {
  for (const child of [...children].reverse()) {
    if (child.task.role !== 'broker') child.order({ kind: 'stop-now' })
  }
  const others = children.filter(({ task }) => task.role !== 'broker')
  await Promise.race([Promise.all(others.map(ended)), delay(5_000)])
  for (const child of children) child.order({ kind: 'stop-now' })
  await Promise.race([Promise.all(children.map(ended)), delay(3_000)])
  for (const child of children) child.kill('SIGKILL')
}

function ended(child: Child): Promise<unknown> {
  return child.pid === null ? Promise.resolve() : child.ended
}

/** Resolves after some time, which does not keep the process. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
