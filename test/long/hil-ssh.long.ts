import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createTarget, type Target } from '../../cli/hil/target.ts'
import { defaultConfig } from '../../schemas/config.ts'
import { trustmix } from '../support/cli.ts'
import { hilFixture, lenient, readHilReport, small, startBin } from '../support/hil.ts'
import { requireTool } from '../support/require.ts'
import { startSshd } from '../support/sshd.ts'

/** The programs of a unit's machine that hil asks, as they answer on Debian 12 (systemd 252). */
function layProgramsOut(directory: string): string {
  const programs = join(directory, 'programs')
  mkdirSync(programs)
  const state = join(directory, 'restarts')
  writeFileSync(state, '2\n')
  const script = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(programs, name), `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 })
  script('systemctl', [
    `[ "$*" = "show trustmix.service --property=NRestarts,MemoryCurrent,MainPID,ActiveState" ] || { echo "got $*" >&2; exit 1; }`,
    'echo MainPID=4711',
    `echo "NRestarts=$(cat ${state})"`,
    'echo MemoryCurrent=73400320',
    'echo ActiveState=active',
  ])
  script('journalctl', [
    '[ "$1" = --unit=trustmix.service ] || exit 1',
    'echo "2026-01-01T00:00:00+0000 unit trustmix[4711]: listening"',
    'echo "2026-01-01T00:00:01+0000 unit systemd[1]: trustmix.service: Main process exited <&>"',
  ])
  return programs
}

t.test('a machine over ssh tells of its service, gives its recording, and its troubles are words', async (t) => {
  if (!requireTool(t, 'sshd') || !requireTool(t, 'ssh')) return
  const directory = t.testdir({
    state: {
      log: { 'car01-000001-000001.mcap': 'one', 'car01-000001-000002.mcap': 'two', 'car03-000001-000001.mcap': 'no' },
    },
    copies: {},
  })
  const { target, options } = await startSshd(t, join(directory, 'sshd'), layProgramsOut(directory))
  const over = (more: { target?: string; log?: string; sshOption?: string[] } = {}): Target =>
    createTarget({
      ...defaultConfig,
      vehicle: 'car01',
      target,
      sshOption: options.split(','),
      log: join(directory, 'state', 'log'),
      ...more,
    })

  const unit = over()
  t.same(await unit.facts(), { restarts: 2, memoryMib: 70, mainPid: 4711, activeState: 'active', trouble: null })
  t.match(await unit.journal(), [/listening$/, /Main process exited <&>$/])
  const paths = (await unit.log?.(join(directory, 'copies'))) ?? []
  t.same(
    paths.map((path) => readFileSync(path, 'utf8')),
    ['one', 'two'],
  )
  const lost = async (): Promise<void> => {
    await over({ log: join(directory, 'nowhere') }).log?.(join(directory, 'copies'))
  }
  await t.rejects(lost(), { message: /^scp: .*no such file/i })
  const stranger = over({
    sshOption: [...options.split(','), 'IdentityFile=none'].filter((o) => !o.endsWith('client')),
  })
  t.match(await stranger.facts(), { restarts: null, trouble: /^ssh: .*Permission denied/ })
  t.match(await stranger.journal(), [/^the journal could not be read: ssh: /])
})

t.test(
  'a run with a unit over ssh: restarts that its service manager saw are judged, its journal is kept',
  async (t) => {
    if (!requireTool(t, 'sshd') || !requireTool(t, 'ssh')) return
    const { url, keys, startUnit, directory } = await hilFixture(t)
    const { target, options } = await startSshd(t, join(directory.path, 'sshd'), layProgramsOut(directory.path))
    const report = join(directory.path, 'report')
    const common = [
      ...['hil', '--vehicle', 'car01', '--broker', url, '--keys', keys, '--run', 'bench', ...small],
      ...['--target', target, '--ssh-option', options, '--log', join(directory.path, 'no-recording')],
      ...[
        '--others',
        'drivers',
        '--rtf',
        '50',
        '--unit-interval-s',
        '2',
        '--report',
        report,
        '--run-dir',
        join(directory.path, 'run'),
      ],
      ...lenient,
    ]
    const absent = await trustmix([...common, '--unit-timeout-ms', '300'], { HOME: process.env.HOME ?? '' })
    t.equal(absent.code, 3)
    t.match(absent.stderr, /^ssh:.*: active, 2 restarts$/m, 'why it is not there may be in its journal')
    t.match(absent.stderr, /^ {2}.*Main process exited/m)

    const unit = startUnit()
    const hil = startBin(t, [...common, '--unit-timeout-ms', '60000', '--judge'])
    await hil.said(/^car01 live/)
    writeFileSync(join(directory.path, 'restarts'), '3\n')
    const { code, stdout } = await hil.ended
    t.equal(code, 5)
    await unit.ended
    t.match(stdout, /^machine +active, 3 restarts, 70 MiB, pid 4711$/m)
    const found = readHilReport(report)
    t.match(found.machine, { before: { restarts: 2 }, after: { restarts: 3 }, journal: [/listening/, /exited/] })
    t.match(found.identity, { identical: false, records: 0, detail: /^scp: .*no such file/i })
    t.same(
      found.criteria.filter(({ passed }) => !passed).map(({ criterion, found }) => [criterion, found]),
      [
        ['restarts', 1],
        ['differences of its replay', 1],
      ],
    )
    t.match(readFileSync(join(report, 'report.html'), 'utf8'), /Main process exited &lt;&amp;&gt;/)
  },
)
