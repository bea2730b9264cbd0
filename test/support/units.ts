import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { MqttBus } from '../../device/bus/mqtt-bus.ts'
import { rawPublicKey } from '../../device/identity.ts'
import { type CommandName, commandNames } from '../../schemas/command.ts'
import type { Act } from '../../schemas/lock-step.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import type { Acknowledgement, CommandMessage } from '../../schemas/trust.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import type { Question } from '../../sim-bridge/lock-step.ts'
import { start } from './broker-fixture.ts'
import { busTo } from './buses.ts'
import { calm } from './devices.ts'
import { bin } from './fleet.ts'
import { createOperator, type TestOperator } from './operators.ts'
import { testFolder } from './program.ts'
import { at, decide, last, outcome } from './rig.ts'

/** A real broker, device processes d1 and d2 at it, a bridge that the test drives by hand, and operators ann and bob. */
export interface Site {
  readonly port: number
  /** May sign everything. */
  readonly ann: TestOperator
  /** May pause and resume. */
  readonly bob: TestOperator
  /** Where keys, passwords and states lie. */
  readonly directory: string
  /** With the rights of an operator at the broker. */
  readonly bus: MqttBus
  readonly verdicts: VerdictMessage[]
  /** Starts a device process; resolves when its status says that it is online. */
  unit(vehicle: string, more?: UnitOptions): Promise<Unit>
  /** Resolves with a status of the vehicle that the rule holds for, the present one included. */
  status(vehicle: string, rule: (status: Status) => boolean): Promise<Status>
  /** Publishes a command and resolves with the next answer under this name. */
  send(message: CommandMessage, name: CommandName, vehicle?: string): Promise<Acknowledgement>
  /** Resolves with the first verdict of the vehicle that is not among the first `from` heard. */
  verdict(vehicle: string, from?: number): Promise<VerdictMessage>
  /** Asks a question of the lock-step; resolves with its answer. */
  ask(vehicle: string, question: Question): Promise<Act>
  /** Drives and learns a round; resolves with the policy's hash. */
  round(vehicle: string, reward: number, decisions?: number): Promise<string>
}

export interface UnitOptions {
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

export interface Unit {
  readonly child: ChildProcess
  readonly boot: number
  /** What it wrote on stderr. */
  readonly stderr: () => string
  /** Ends it without a word, as a power cut would. */
  kill(): Promise<void>
}

const fleet = 'demo'
const run = 'run1'

export async function startSite(t: Test): Promise<Site> {
  const { port } = await start(t, {})
  const directory = testFolder(t)
  const [ann, bob] = [createOperator('ann'), createOperator('bob')]
  const write = (name: string, content: unknown): string => {
    const path = join(directory, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const operatorsFile = write('operators.json', {
    version: 1,
    operators: { ann: { key: ann.key, commands: commandNames }, bob: { key: bob.key, commands: ['pause', 'resume'] } },
  })
  const keys: Record<string, string> = {}
  for (const vehicle of ['d1', 'd2']) {
    const { privateKey } = generateKeyPairSync('ed25519')
    write(`${vehicle}.key.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
    write(`${vehicle}.password`, `${vehicle}-secret\n`)
    keys[vehicle] = rawPublicKey(privateKey)
  }
  write('public-keys.json', { version: 1, keys })

  const bus = busTo(t, port, 'operator')
  const bridge = busTo(t, port, 'bridge')
  const statuses = new Map<string, Status>()
  const verdicts: VerdictMessage[] = []
  const seqs = new Map<string, number>()
  const heard = new Set<() => void>()
  const acks: { readonly ack: Acknowledgement; readonly topic: string }[] = []
  const acts: { readonly act: Act; readonly vehicle: string }[] = []
  const tell = (): void => {
    for (const listener of heard) listener()
  }
  bus.subscribe(channels.status, { fleet }, (status, { vehicle }) => {
    statuses.set(vehicle, status)
    tell()
  })
  bus.subscribe(channels.verdict, { fleet }, (verdict) => {
    verdicts.push(verdict)
    tell()
  })
  bus.subscribe(channels.ack, { fleet }, (ack, { vehicle, name }) => {
    acks.push({ ack, topic: `${vehicle}/${name}` })
    tell()
  })
  bridge.subscribe(channels.act, { fleet, run }, (act, { vehicle }) => {
    acts.push({ act, vehicle })
    tell()
  })
  await Promise.all([bus.ready, bridge.ready])

  /** Resolves with what `find` finds, now or after a message. */
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = find()
        if (found === undefined) return
        heard.delete(look)
        resolve(found)
      }
      heard.add(look)
      look()
    })

  const site: Site = {
    ...{ port, ann, bob, directory, bus, verdicts },
    async unit(vehicle, { args = [], env = {} } = {}) {
      const before = statuses.get(vehicle)?.boot ?? 0
      const files = ['--private-key-file', `${vehicle}.key.pem`, '--password-file', `${vehicle}.password`]
      const child = spawn(
        process.execPath,
        [
          ...[bin, 'device', '--vehicle', vehicle, '--run', run, '--broker', `mqtt://127.0.0.1:${port}`],
          ...['--username', vehicle, '--hidden', '8,8', '--state-dir', `state-${vehicle}`, ...files],
          ...[
            '--public-keys-file',
            'public-keys.json',
            '--operators-file',
            operatorsFile,
            '--max-backoff-ms',
            '200',
            ...args,
          ],
        ],
        { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } },
      )
      let stderr = ''
      child.stderr?.on('data', (chunk) => {
        stderr += chunk
      })
      const gone = once(child, 'exit')
      const kill = async (): Promise<void> => {
        child.kill('SIGKILL')
        await gone
      }
      t.teardown(kill)
      const failed = gone.then(() => {
        throw new Error(`the device ended:\n${stderr}`)
      })
      failed.catch(() => {})
      const { boot } = await Promise.race([
        site.status(vehicle, (status) => status.state === 'online' && status.boot > before),
        failed,
      ])
      return { child, boot, kill, stderr: () => stderr }
    },
    status: (vehicle, rule) =>
      until(() => {
        const status = statuses.get(vehicle)
        return status && rule(status) ? status : undefined
      }),
    send(message, name, vehicle = 'd1') {
      const from = acks.length
      bus.publish(channels.cmd, { fleet, vehicle, name }, message)
      return until(() => acks.slice(from).find(({ topic }) => topic === `${vehicle}/${name}`)?.ack)
    },
    verdict: (vehicle, from = 0) => until(() => verdicts.slice(from).find((verdict) => verdict.vehicle === vehicle)),
    ask(vehicle, question) {
      const seq = (seqs.get(vehicle) ?? 0) + 1
      seqs.set(vehicle, seq)
      const from = acts.length
      bridge.publish(channels.obs, { fleet, run, vehicle }, { version: 1, run, seq, ...question })
      return until(() => acts.slice(from).find((answer) => answer.vehicle === vehicle && answer.act.seq === seq)?.act)
    },
    async round(vehicle, reward, decisions = 8) {
      for (let k = 0; k < decisions; k++)
        await site.ask(vehicle, {
          ...decide,
          observation: { ...calm, speed: k },
          ...(k > 0 && { outcome: { ...outcome, reward } }),
        })
      const learned = await site.ask(vehicle, {
        ...{ kind: 'learn', ...at, observation: calm },
        outcome: { ...last, reward },
      })
      if (learned.kind !== 'learn') throw new Error(`an answer to learn must come, got ${learned.kind}`)
      return learned.policyHash
    },
  }
  return site
}
