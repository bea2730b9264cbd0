import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import { channels } from '../../schemas/topics.ts'
import { outsideFolder, packagedProgram } from '../support/packages.ts'
import { runProgram, startProgram } from '../support/program.ts'

/** Members, unit files, enrolment, TLS and recordings by the program as it is in the package: nothing here is run from the sources. */
t.setTimeout(1_800_000)

t.test(
  'the packaged program makes a fleet, enrols and configures units, drives them over TLS, replays them',
  async (t) => {
    const folder = outsideFolder(t)
    const program = await packagedProgram(t, folder)
    if (!program) return
    const read = (...names: string[]): string => readFileSync(join(folder, ...names), 'utf8')
    const start = (line: string) => startProgram(t, [...program, ...line.split(' ')], { cwd: folder })
    const run = async (line: string): Promise<string> => {
      const { code, stdout, stderr } = await runProgram([...program, ...line.split(' ')], { cwd: folder })
      t.equal(code, 0, `${line}: ${stderr}`)
      return stdout
    }
    const tls = (id: string) =>
      `--ca-file fleet/ca.pem --cert-file fleet/members/${id}/tls.pem --key-file fleet/members/${id}/tls.key.pem`

    t.match(
      await run('provision fleet demo --no-passphrase'),
      /^fleet demo in fleet; its root's public key is .{43}=\n$/,
    )
    await run('provision broker hub --host localhost')
    await run('provision bridge track')
    await run('provision monitor screen')
    await run('provision broker-config trustmix --out hub --host 127.0.0.1 --tls-port 0')
    const broker = start('broker --config hub/broker.json')
    const port = /\d+$/.exec(await broker.said(/^listening on mqtts:/))?.[0]
    const url = `mqtts://localhost:${port}`

    await t.test('a unit file with keys', async (t) => {
      const made = await run(`provision device car01 --units units --broker ${url} --run road`)
      t.equal(made, 'car01  units/car01/trustmix-provision.json\n')
      await run(`provision roster publish --broker ${url}`)
      const place = '--config-dir etc/car01 --state-dir state/car01'
      const applied = JSON.parse(await run(`provision apply units/car01/trustmix-provision.json ${place} --json`))
      t.same(applied, { id: 'car01', file: join(folder, 'etc/car01/device.json'), complete: true })
      const config = JSON.parse(read('etc/car01/device.json'))
      t.match(config, { vehicle: 'car01', rollbackDrop: 0.5, recordDir: join(folder, 'state/car01/log') })
      t.match(readFileSync(config.privateKeyFile, 'utf8'), /^-----BEGIN PRIVATE KEY-----\n/)
    })

    await t.test('a unit that makes its keys itself', async (t) => {
      const server = start(`provision serve --name localhost --host 127.0.0.1 --port 0 --publish ${url}`)
      const at = /https:.*$/.exec(await server.said(/^enrolment on https:/))?.[0]
      await run(`provision token car03 --url ${at} --broker ${url} --run road`)
      const file = 'units/car03/trustmix-provision.json'
      const place = '--config-dir etc/car03 --state-dir state/car03'
      t.match(await run(`provision apply ${file} ${place}`), /^nothing is written: car03 has to be enrolled first/)
      t.notOk(existsSync(join(folder, 'etc/car03')))
      t.match(await run(`provision enrol --file ${file} ${place}`), /^car03 is enrolled; /)
      t.match(await run(`provision enrol --file ${file} ${place}`), /^car03 was enrolled before; /)
      await server.said(/^car03 was enrolled from /)
      t.notOk(existsSync(join(folder, 'fleet/members/car03/tls.key.pem')), 'its keys never left it')
      t.match(await run('provision list'), /^car03 +device /m)
      server.child.kill('SIGTERM')
      await server.ended
    })

    await t.test('a run over TLS, recorded and replayed', async (t) => {
      const identity = { ca: read('fleet/ca.pem'), ...keysOf('screen') }
      const monitor = createMqttBus({ url, clientId: 'screen', tls: identity })
      t.teardown(() => monitor.close())
      const online = new Set<string>()
      const both = new Promise<void>((resolve) => {
        monitor.subscribe(channels.status, { fleet: 'demo' }, ({ state }, { vehicle }) => {
          if (state === 'online') online.add(vehicle)
          if (online.size === 2) resolve()
        })
      })
      const units = ['car01', 'car03'].map((id) => start(`device --config etc/${id}/device.json`))
      for (const unit of units)
        unit.ended.then(({ code, stderr }) => code !== 0 && t.fail(`a device ended with ${code}: ${stderr}`))
      await both
      const world = '--run road --vehicles 4 --learners 2 --epochs 1 --run-dir run --json'
      const summary = JSON.parse(await run(`sim-bridge --broker ${url} ${tls('track')} ${world}`))
      t.match(summary, { deterministic: true, causes: [] })
      t.same(Object.keys(summary.policies), ['car01', 'car03'])
      t.notOk(summary.verdicts['unknown-peer'], 'by the roster they know each other')
      for (const unit of units) t.equal((await unit.ended).code, 0, 'it ends with the run')

      const replay = JSON.parse(await run('replay state/car01/log state/car03/log --json'))
      t.equal(replay.identical, true)
      const ends = replay.logs.map(({ vehicle, policyHash }: Record<string, string>) => [vehicle, policyHash])
      t.same(Object.fromEntries(ends), summary.policies)
      for (const { counts } of replay.logs) t.ok(counts['/out/verdict'] > 0, 'it considered the other one')
    })

    /** Certificate and key of a member. */
    function keysOf(id: string) {
      return { cert: read('fleet/members', id, 'tls.pem'), key: read('fleet/members', id, 'tls.key.pem') }
    }
  },
)
