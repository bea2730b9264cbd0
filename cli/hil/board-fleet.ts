import { join, resolve } from 'node:path'
import { listen } from '../../broker/listen.ts'
import { type Config, configKeys, defaultConfig, type PartialConfig } from '../../schemas/config.ts'
import { ExitError } from '../../schemas/exit.ts'
import { type Provision, validateProvision } from '../../schemas/provision.ts'
import { bridgeId } from '../../sim-bridge/cli.ts'
import { boardSees } from '../board/emulator.ts'
import type { CommandIo } from '../command.ts'
import { createFleetDirectory, type FleetDirectory, openFleetKeys } from '../provision/fleet-directory.ts'
import { changeFleet } from '../provision/members.ts'
import { keysOf, unitFile, writeUnitFile } from '../provision/unit-file.ts'
import { loadCertificateMaker } from '../provision/x509.ts'
import { defaultDirectory } from './bench.ts'
import type { HilConfig } from './hil.ts'

/** A fleet for one run with one emulated board. */
export interface BoardFleet {
  /** The run's configuration as a member of that fleet, at its broker. */
  readonly config: HilConfig
  /** Of the broker on loopback. */
  readonly port: number
  /** By which the board becomes the unit. */
  readonly unitFile: string
  /** Folder for the board's files. */
  readonly work: string
  close(): Promise<void>
}

const fleet = 'bench'
const [hub, screen] = ['hub', 'screen']

/**
 * Makes a fleet of certificates in RUN-DIR/fleet, starts its broker in this process, and writes the unit's file. ExitError 2 where
 * the directory has such a fleet already, 3 where the certificate library is not there.
 */
export async function openBoardFleet(config: HilConfig, io: CommandIo): Promise<BoardFleet> {
  const runDir = resolve(config.runDir ?? defaultDirectory())
  const directory = await makeFleet(join(runDir, 'fleet'), config.vehicle)
  const file = (id: string, name: string): string => directory.file('members', id, name)
  const work = join(runDir, 'board')
  const unit = unitFile(
    directory,
    config.vehicle,
    { broker: `mqtts://${boardSees.host}:${boardSees.port}`, run: config.run ?? undefined, template: undefined },
    keysOf(directory, config.vehicle),
  )
  const unitPath = writeUnitFile(work, withSettings(unit, config))
  const listening = await listen(brokerConfig(directory), io)
  const port = listening.tlsPort as number
  return {
    config: {
      ...{ ...config, runDir, fleet, broker: `mqtts://localhost:${port}`, caFile: directory.file('ca.pem') },
      ...{ certFile: file(bridgeId, 'tls.pem'), keyFile: file(bridgeId, 'tls.key.pem') },
      ...{ monitorCertFile: file(screen, 'tls.pem'), monitorKeyFile: file(screen, 'tls.key.pem') },
    },
    port,
    unitFile: unitPath,
    work,
    close: () => listening.close(),
  }
}

/** Its keys are not encrypted: they are those of one run. */
async function makeFleet(path: string, vehicle: string): Promise<FleetDirectory> {
  const maker = await loadCertificateMaker()
  const directory = await createFleetDirectory(path, fleet, undefined, maker, new Date())
  const keys = await openFleetKeys(directory, async () => '')
  const change = changeFleet(directory, keys, maker, new Date())
  await change.add({ id: hub, role: 'broker', hosts: ['localhost', boardSees.host] })
  await change.add({ id: bridgeId, role: 'bridge' })
  await change.add({ id: screen, role: 'monitor' })
  await change.add({ id: vehicle, role: 'device' })
  await change.commit()
  return directory
}

function brokerConfig(directory: FleetDirectory): Config {
  const own: PartialConfig = {
    ...{ fleet, host: '127.0.0.1', port: 0, tlsPort: 0 },
    ...{ certFile: directory.file('members', hub, 'tls.pem'), keyFile: directory.file('members', hub, 'tls.key.pem') },
    ...{ caFile: directory.file('ca.pem'), crlFile: directory.file('crl.pem') },
    ...{ rootKeyFile: directory.file('root.pub.pem'), rosterFile: directory.file('roster.json') },
    stateDir: directory.file('broker'),
  }
  return { ...defaultConfig, ...own }
}

/** What the run asks of a device and it would not do by itself; the machine has no time server, and its clock is right. */
function withSettings(unit: Provision, config: HilConfig): Provision {
  const asked = configKeys('device').filter((key) => !ofTheUnit.has(key) && config[key] !== defaultConfig[key])
  const settings = Object.fromEntries(asked.map((key) => [key, config[key]]))
  const own = { ...settings, clock: 'trusted', maxBackoffMs: 2_000 }
  const validated = validateProvision({ ...unit, address: { method: 'dhcp' }, config: own })
  if (!validated.ok) throw new ExitError('usage', `the unit file of ${config.vehicle}: ${validated.detail}`)
  return validated.value
}

/** Settings that follow from the unit file, or concern this machine. */
const ofTheUnit: ReadonlySet<string> = new Set([
  ...['vehicle', 'fleet', 'broker', 'run', 'stateDir', 'caFile', 'certFile', 'keyFile', 'privateKeyFile'],
  ...['publicKeysFile', 'rootKeyFile', 'rosterFile', 'username', 'passwordFile', 'policyFile', 'operatorsFile'],
  ...['recordDir', 'stay', 'clock', 'maxBackoffMs'],
])
