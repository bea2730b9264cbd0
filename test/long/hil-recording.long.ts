import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkIdentity, type Replay } from '../../cli/hil/replay.ts'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import { channels } from '../../schemas/topics.ts'
import { trustmix } from '../support/cli.ts'
import { hilFixture, lenient, readHilReport, small, startBin } from '../support/hil.ts'
import { testFolder } from '../support/program.ts'

t.test(
  'a unit that is killed and comes back is in the report, and red; at a broker of its own hil waits for it',
  async (t) => {
    const run = join(testFolder(t), 'run')
    const hil = startBin(t, [
      ...[
        'hil',
        '--vehicle',
        'car01',
        '--run-dir',
        run,
        ...small,
        '--others',
        'drivers',
        '--epochs',
        '3',
        '--rtf',
        '50',
      ],
      ...['--unit-interval-s', '1', '--judge', '--json', ...lenient],
    ])
    const url = / at (mqtt:.*)$/.exec(await hil.said(/^waiting for car01 of fleet demo at mqtt:/))?.[1] ?? ''
    const monitor = createMqttBus({ url, clientId: 'monitor' })
    t.teardown(() => monitor.close())
    const back = new Promise<void>((resolve) => {
      monitor.subscribe(
        channels.status,
        { fleet: 'demo', vehicle: 'car01' },
        ({ state, boot }) => state === 'online' && boot === 2 && resolve(),
      )
    })
    const command = /^start it with: trustmix (.*)$/.exec(await hil.said(/^start it with/))?.[1] ?? ''
    const unit = startBin(t, command.split(' '))
    await hil.said(/^epoch 1\/3/)
    unit.child.kill('SIGKILL')
    await hil.said(/^car01 offline/)
    // However long a start takes on this machine: the world stands until the unit is back.
    hil.child.kill('SIGSTOP')
    const again = startBin(t, command.split(' '))
    await back
    hil.child.kill('SIGCONT')
    const { code, stdout, stderr } = await hil.ended
    t.equal(code, 5, stderr)
    t.equal((await again.ended).code, 0)
    const found = JSON.parse(stdout)
    t.match(found, {
      complete: true,
      passed: false,
      connection: { restarts: 1 },
      unit: { boot: 2 },
      deterministic: false,
    })
    t.same(
      found.connection.events.map(({ kind, boot }: { kind: string; boot: number }) => [kind, boot]),
      [
        ['offline', 1],
        ['restart', 2],
      ],
    )
    t.ok(found.causes.includes('car01 went offline'), found.causes)
    const { left, awaySteps } = found.devices.car01
    t.ok(left === 1 && awaySteps > 0 && awaySteps <= 1500, `${awaySteps} steps of the second epoch without it`)
    t.same(Object.keys(found.devices), ['car01'], 'the other cars have the simulator’s drivers')
    t.match(readFileSync(join(run, 'report', 'junit.xml'), 'utf8'), /name="restarts: at most 0">\n +<failure /)
  },
)

t.test(
  'what a unit recorded is replayed: identical, with as many records; a log that was tampered with is red',
  async (t) => {
    const { url, keys, directory, startUnit } = await hilFixture(t)
    const logs = join(directory.path, 'logs')
    const drive = async (name: string, log: string) => {
      const report = join(directory.path, name)
      const unit = startUnit({ recordDir: logs })
      const hil = startBin(t, [
        ...['hil', '--vehicle', 'car01', '--broker', url, '--keys', keys, '--run', 'bench', ...small, '--log', log],
        ...[
          '--others',
          'drivers',
          '--rtf',
          '50',
          '--unit-interval-s',
          '1',
          '--unit-timeout-ms',
          '60000',
          '--report',
          report,
        ],
        ...['--run-dir', join(directory.path, 'run'), '--judge', ...lenient],
      ])
      const { code, stdout, stderr } = await hil.ended
      t.equal((await unit.ended).code, 0, stderr)
      return { code, stdout, report: readHilReport(report) }
    }
    const honest = await drive('honest', logs)
    t.equal(honest.code, 0, honest.stdout)
    const { identity, policies } = honest.report
    t.match(identity, { identical: true, detail: null, policyHash: policies.last })
    const { code, stdout } = await trustmix(['replay', logs, '--json'])
    t.equal(code, 0)
    t.equal(identity?.records, JSON.parse(stdout).records, 'as many as trustmix replay finds')
    t.ok((identity?.records ?? 0) > 150, `${identity?.records} records of a decision each second`)
    t.match(honest.stdout, new RegExp(`^replay +identical, ${identity?.records} records$`, 'm'))

    const tampered = join(directory.path, 'tampered')
    mkdirSync(tampered)
    const [name = ''] = readdirSync(logs)
    const bytes = readFileSync(join(logs, name))
    // A digit of a number in the middle of the log.
    const place = bytes.indexOf('"step":', bytes.length >> 1) + '"step":'.length
    bytes[place] = bytes[place] === 0x31 ? 0x32 : 0x31
    writeFileSync(join(tampered, name), bytes)
    const red = await drive('red', tampered)
    t.equal(red.code, 5)
    t.match(red.report, { passed: false, complete: true, identity: { identical: false, detail: /record \d+/ } })
    t.match(red.stdout, /^replay +not identical:/m)
    t.match(
      readFileSync(join(directory.path, 'red', 'junit.xml'), 'utf8'),
      /name="differences of its replay: at most 0">\n +<failure /,
    )
  },
)

t.test('a recording must be the unit’s, whole, the same, and end with the policy that the unit claims', async (t) => {
  const good: Replay = { vehicle: 'car01', identical: true, records: 12, lost: 0, policyHash: 'a'.repeat(64) }
  const claimed = { vehicle: 'car01', policyHash: 'a'.repeat(64) }
  const check = (replay: Partial<Replay>, paths = ['one.mcap']) =>
    checkIdentity(
      async () => paths,
      claimed,
      async () => ({ ...good, ...replay }),
    )
  t.same(await check({}), { identical: true, records: 12, policyHash: 'a'.repeat(64), detail: null })
  t.match(await check({ identical: false, first: { record: 5 } }), {
    identical: false,
    detail: /first difference: .*5/,
  })
  t.match(await check({ vehicle: 'car03' }), { identical: false, detail: /must be of car01, got one of car03/ })
  t.match(await check({ lost: 2 }), { identical: false, detail: /lost 2 records/ })
  t.match(await check({ records: 0 }), { identical: false, detail: /no records/ })
  t.match(await check({ policyHash: 'b'.repeat(64) }), {
    identical: false,
    detail: /ended with policy aaaa.*with bbbb/,
  })
  const claims = ['b'.repeat(64), 'a'.repeat(64)]
  const written = async () => ({ ...good, policyHash: claims.shift() ?? '' })
  const patient = await checkIdentity(
    async () => ['one.mcap'],
    claimed,
    written,
    async () => true,
  )
  t.match(patient, { identical: true }, 'the end of a recording may come a little later')
  t.match(await check({}, []), { identical: false, records: 0, detail: /no files/ })
  const failed = await checkIdentity(
    async () => Promise.reject(new Error('scp: no such file')),
    claimed,
    async () => good,
  )
  t.match(failed, { identical: false, records: 0, policyHash: null, detail: 'scp: no such file' })
})
