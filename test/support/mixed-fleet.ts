import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { boundedArguments } from '../../cli/bounded-heap.ts'
import { pick } from '../../cli/fleet-processes.ts'
import { openRunDirectory } from '../../cli/run-directory.ts'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import { type Config, defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import type { Summary } from '../../schemas/summary.ts'
import { channels } from '../../schemas/topics.ts'
import { bridgeId } from '../../sim-bridge/cli.ts'
import { createScenario } from '../../sim-bridge/sim/scenario.ts'
import { scenarioOf } from '../../sim-bridge/worlds.ts'
import { bin, summaryFile } from './fleet.ts'
import { killWithTest } from './program.ts'

/**
 * A lock-step run of real processes over the real broker in which a vehicle may run on a Node of another processor: `nodes`
 * names it. Throws with what a process said where one fails.
 */
export async function runMixedFleet(
  t: Test,
  directory: string,
  part: PartialConfig,
  nodes: Readonly<Record<string, string>>,
): Promise<Summary> {
  const config: Config = { ...defaultConfig, ...part, runDir: directory, run: 'mixed', connectTimeoutMs: 60_000 }
  const scenario = createScenario(scenarioOf(config))
  const vehicles = scenario.vehicles.filter((_, i) => scenario.learner[i])
  const files = openRunDirectory(config, vehicles, bridgeId)
  const start = (name: string, command: string, values: Partial<Config>, node = process.execPath): Started => {
    const configFile = files.processConfig(name, { ...pick(config, command), ...values })
    const heap = command === 'device' ? boundedArguments : []
    const started = startProcess(node, [...heap, bin, command, '--config', configFile])
    killWithTest(t, started.child, 'SIGTERM')
    return started
  }
  const broker = start('broker', 'broker', { usersFile: files.secret('users.json') })
  const [, url = ''] = await broker.line(/^listening on (\S+)$/)
  const login = (id: string): Partial<Config> => ({
    ...{ broker: url, maxBackoffMs: 1_000, username: id, passwordFile: files.secret(`${id}.password`) },
  })
  const watcher = createMqttBus({ url, clientId: 'monitor' })
  t.teardown(() => watcher.close())
  await watcher.ready
  const online = new Set<string>()
  const all = new Promise<void>((resolve) => {
    watcher.subscribe(channels.status, { fleet: config.fleet }, ({ state }, { vehicle }) => {
      if (state === 'online') online.add(vehicle)
      if (online.size === vehicles.length) resolve()
    })
  })
  const devices = vehicles.map((vehicle) => {
    const keys = {
      privateKeyFile: files.secret(`${vehicle}.key.pem`),
      publicKeysFile: files.secret('public-keys.json'),
    }
    const values = { ...login(vehicle), ...keys, vehicle, stateDir: files.state(vehicle), policyFile: null }
    return start(vehicle, 'device', values, nodes[vehicle])
  })
  await Promise.race([all, ...devices.map(({ failed }) => failed)])
  const bridge = start(bridgeId, 'sim-bridge', login(bridgeId))
  await Promise.race([bridge.ended, ...devices.map(({ failed }) => failed)])
  for (const device of devices) await device.ended
  const summary = summaryFile(directory)
  if (!summary) throw new Error('the bridge must leave a summary')
  return summary
}

interface Started {
  readonly child: ChildProcess
  /** The first line on stderr that matches. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves at a good end; rejects with what it said at another one. */
  readonly ended: Promise<void>
  /** Never resolves. */
  readonly failed: Promise<never>
}

function startProcess(node: string, args: readonly string[]): Started {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', node, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look(line)
  })
  const ended = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${lines.join('\n')}`)
  })
  const failed = ended.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})
  return {
    ...{ child, ended, failed },
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (line: string): void => {
          const found = pattern.exec(line)
          if (found) resolve(found)
        }
        for (const line of lines) look(line)
        waiting.push(look)
        ended.catch(reject)
      }),
  }
}
