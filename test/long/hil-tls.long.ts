import { join } from 'node:path'
import t, { type Test } from 'tap'
import { refuses } from '../support/cli.ts'
import { lenient, readHilReport, startBin } from '../support/hil.ts'
import { testFolder } from '../support/program.ts'
import { trustFleet } from '../support/trust-fleet.ts'

/** Hardware in the loop at a broker with TLS, for a unit with a certificate. */
t.setTimeout(600_000)

t.test('a provisioned unit over TLS: to a passing report, memory and replay in it', async (t) => {
  const bench = await provisionedBench(t)
  const unit = bench.startUnit()
  const monitor = ['--monitor-cert-file', bench.file('screen', 'tls.pem')]
  monitor.push('--monitor-key-file', bench.file('screen', 'tls.key.pem'))
  const hil = startBin(t, [
    ...bench.hil('report', 'track'),
    ...monitor,
    '--log',
    bench.log,
    '--unit-timeout-ms',
    '60000',
  ])
  const { code, stdout, stderr } = await hil.ended
  if (!t.equal(code, 0, stdout + stderr)) return
  t.equal((await unit.ended).code, 0, 'the unit ends with the run')
  t.match(stdout, /^all \d+ limits kept$/m)
  const report = readHilReport(join(bench.path, 'report'))
  t.match(report, { complete: true, passed: true, target: 'external', run: 'road', machine: null })
  t.same(Object.keys(report.devices), ['car01'], 'the other cars have the simulator’s drivers')
  t.equal(report.devices.car01?.decisions, 300)
  t.ok(
    report.memory.stretches.some(({ max }) => (max ?? 0) > 20),
    'a monitor hears of its memory',
  )
  t.match(report.identity, { identical: true, detail: null, policyHash: report.policies.last })
})

t.test('without a certificate of a monitor memory is unknown, and what is unknown is not kept', async (t) => {
  const bench = await provisionedBench(t)
  const unit = bench.startUnit()
  const hil = startBin(t, [...bench.hil('report', 'track'), '--unit-timeout-ms', '60000'])
  const { code, stdout, stderr } = await hil.ended
  if (!t.equal(code, 5, stdout + stderr)) return
  t.equal((await unit.ended).code, 0)
  t.match(stderr, /^memory and log of car01 stay unknown without --monitor-cert-file$/m)
  const failed = readHilReport(join(bench.path, 'report')).criteria.filter(({ passed }) => !passed)
  t.same(
    failed.map(({ criterion, found }) => [criterion, found]),
    [['resident memory, MiB', null]],
  )
})

t.test('what cannot be is refused in words', async (t) => {
  const bench = await provisionedBench(t)
  const hil = (...more: string[]) => [...bench.hil('report', 'track'), ...more]
  await refuses(t, 2, /others must be drivers at a broker with TLS/, hil('--others', 'devices'))
  const hint =
    '\\nstart it with: trustmix device --config FILE, which trustmix provision apply has made of the unit file of'
  await refuses(t, 3, new RegExp(`^car01 of fleet demo must be online at mqtts:.*${hint} car01$`), [
    ...hil('--unit-timeout-ms', '300'),
  ])
  await refuses(t, 4, /ca\.key\.pem must be a certificate/, hil('--cert-file', join(bench.path, 'fleet', 'ca.key.pem')))
})

/** A fleet with one unit, and its broker as a process, everything as `trustmix provision` writes it. */
async function provisionedBench(t: Test) {
  const path = testFolder(t)
  const fleet = await trustFleet(t, join(path, 'fleet'))
  await fleet.provision('broker', 'hub', '--host', 'localhost')
  await fleet.provision('bridge', 'track')
  await fleet.provision('monitor', 'screen')
  await fleet.provision('device', 'car01')
  const hub = join(path, 'hub')
  await fleet.provision('broker-config', 'trustmix', '--out', hub, '--host', '127.0.0.1', '--tls-port', '0')
  const broker = startBin(t, ['broker', '--config', join(hub, 'broker.json')])
  const port = /\d+$/.exec(await broker.said(/^listening on mqtts:/))?.[0]
  const url = `mqtts://localhost:${port}`
  const units = join(path, 'units')
  // Its certificate is new, its keys and the roster are those that the broker has.
  await fleet.provision('renew', 'car01', '--units', units, '--broker', url, '--run', 'road')
  const state = join(path, 'state')
  const unitFile = join(units, 'car01', 'trustmix-provision.json')
  const apply = ['provision', 'apply', unitFile, '--config-dir', join(path, 'etc'), '--state-dir', state]
  const applied = await startBin(t, apply).ended
  t.equal(applied.code, 0, applied.stderr)
  const file = (id: string, name: string): string => join(fleet.path, 'members', id, name)
  return {
    path,
    file,
    log: join(state, 'log'),
    startUnit: () => startBin(t, ['device', '--config', join(path, 'etc', 'device.json')]),
    /** Arguments of a judged run as the member `id`. */
    hil: (report: string, id: string): string[] => [
      ...['hil', '--vehicle', 'car01', '--target', 'external', '--broker', url, '--others', 'drivers'],
      ...[
        '--ca-file',
        join(fleet.path, 'ca.pem'),
        '--cert-file',
        file(id, 'tls.pem'),
        '--key-file',
        file(id, 'tls.key.pem'),
      ],
      ...['--rtf', '15', '--unit-interval-s', '0.5', '--judge', ...lenient],
      ...['--run-dir', join(path, 'run'), '--report', join(path, report)],
    ],
  }
}
