import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { boardSees } from '../../cli/board/emulator.ts'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import type { VerdictMessage } from '../../schemas/verdict.ts'
import { bridgeId } from '../../sim-bridge/cli.ts'
import { answer } from './cli.ts'
import { startBin } from './hil.ts'
import { startOwn } from './secured-brokers.ts'
import { type TrustFleet, trustFleet } from './trust-fleet.ts'

/** An update that the unit has told of. */
export interface ToldUpdate {
  readonly updates: number
  /** Bytes that the log of writes had then; 0 where there is none. */
  readonly logged: number
}

/** A fleet of certificates on this machine, in which the board's car01 learns beside car03, a process of this machine. */
export interface BoardFleet {
  /** Port of the broker on loopback. */
  readonly port: number
  /** The unit file of the board. */
  readonly unitFile: string
  readonly trust: TrustFleet
  /** The broker, for others of this machine. */
  readonly url: string
  readonly statuses: readonly Status[]
  readonly verdicts: readonly VerdictMessage[]
  readonly told: readonly ToldUpdate[]
  /** The log of writes to look at with every update. */
  logOf(path: string | undefined): void
  /** Resolves once the rule holds, which is asked at every message. */
  until(rule: () => boolean): Promise<void>
  /** Starts a bridge that goes on, in lock-step, until the function that it returns is called. */
  drive(): () => Promise<void>
}

/** Small networks: an emulated processor is slow. */
export const hidden = [8, 8]
export const unit = 'car01'
const peer = 'car03'

/** `more` are further keys of the board's unit file; the operator ann may update it. */
export async function startBoardFleet(t: Test, more: object = {}): Promise<BoardFleet> {
  const fleet = await trustFleet(t)
  const path = (...names: string[]): string => join(fleet.path, ...names)
  await fleet.provision('broker', 'hub', '--host', `localhost,${boardSees.host}`)
  await fleet.provision('bridge', bridgeId)
  await fleet.provision('monitor', 'screen')
  await fleet.provision('operator', 'ann', '--commands', 'update')
  const template = path('template.json')
  const config = { hidden, clock: 'trusted', maxBackoffMs: 2_000 }
  writeFileSync(template, JSON.stringify({ config, address: { method: 'dhcp' }, hostname: 'board-1', ...more }))
  const device = (id: string, broker: string) =>
    fleet.provision(
      'device',
      id,
      ...['--units', path('units'), '--run', 'road', '--template', template, '--broker', broker],
    )
  // The board's roster names the peer; where the broker listens is known only when all rosters are made.
  await device(peer, 'mqtts://localhost:8883')
  await device(unit, `mqtts://${boardSees.host}:${boardSees.port}`)
  const { tls } = await startOwn(t, fleet)
  const peerFile = path('units', peer, 'trustmix-provision.json')
  writeFileSync(peerFile, JSON.stringify({ ...JSON.parse(readFileSync(peerFile, 'utf8')), broker: tls }))

  const bus = createMqttBus({ url: tls, clientId: 'screen', tls: fleet.tls('screen') })
  t.teardown(() => bus.close())
  const [statuses, verdicts, told]: [Status[], VerdictMessage[], ToldUpdate[]] = [[], [], []]
  const waiting = new Set<() => void>()
  let log: string | undefined
  const heard = <M>(list: M[], message: M): void => {
    list.push(message)
    for (const look of waiting) look()
  }
  const at = { fleet: 'demo', vehicle: unit }
  bus.subscribe(channels.status, at, (message) => heard(statuses, message))
  bus.subscribe(channels.verdict, at, (message) => heard(verdicts, message))
  bus.subscribe(channels.telemetry, at, (message) => {
    const updates = message['Vehicle.Private.Trustmix.Updates']
    if (updates !== undefined) heard(told, { updates, logged: log === undefined ? 0 : statSync(log).size })
  })
  await bus.ready

  const own = ['--config-dir', path('peer'), '--state-dir', path('peer', 'state')]
  await answer(t, ['provision', 'apply', peerFile, ...own])
  startBin(t, ['device', '--config', path('peer', 'device.json'), '--stay'])

  const { port } = new URL(tls)
  const member = (name: string): string => path('members', bridgeId, name)
  let drives = 0
  return {
    ...{ trust: fleet, url: tls },
    ...{ port: Number(port), unitFile: path('units', unit, 'trustmix-provision.json'), statuses, verdicts, told },
    logOf(path) {
      log = path
    },
    until: (rule) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!rule()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    drive() {
      const { child, ended } = startBin(t, [
        ...['sim-bridge', '--fleet', 'demo', '--run', 'road', '--broker', tls, '--epochs', '1000'],
        ...['--ca-file', path('ca.pem'), '--cert-file', member('tls.pem'), '--key-file', member('tls.key.pem')],
        ...['--run-dir', path(`drive${++drives}`), '--answer-timeout-ms', '300000'],
      ])
      let wanted = true
      const early = ended.then(({ code, stderr }) => {
        if (wanted) t.fail(`the bridge ended with ${code}: ${stderr}`)
      })
      return async () => {
        wanted = false
        child.kill('SIGKILL')
        await early
      }
    },
  }
}
