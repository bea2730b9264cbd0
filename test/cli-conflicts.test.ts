import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { refuses } from './support/cli.ts'

const policies = fileURLToPath(new URL('../../test/policies/', import.meta.url))

t.test('sim-bridge: options that contradict each other are refused', async (t) => {
  const bridge = (rule: RegExp, ...args: string[]) => refuses(t, 2, rule, ['sim-bridge', ...args])
  const hand = ['--controller', 'none']
  await bridge(/one of --serve and --controller can be given, got --serve and none/, '--serve', ...hand)
  await bridge(/--follow-stdin needs --serve, got it alone/, ...hand, '--follow-stdin')
  await bridge(/--idle-timeout-s needs --serve, got 5 without it/, ...hand, '--idle-timeout-s', '5')
  await bridge(/--rtf needs --realtime, got 2 without it/, '--run', 'r', '--broker', 'mqtt://127.0.0.1:1', '--rtf', '2')
  await bridge(
    /--controller drives without devices, got it with --realtime and --judge/,
    ...hand,
    '--realtime',
    '--judge',
  )
  await bridge(/--serve drives without devices, got it with --deadline-ms/, '--serve', '--deadline-ms', '5')
  await bridge(/--sumo-gui needs --sim sumo, got --sim embedded/, ...hand, '--sumo-gui')
  await bridge(/--sumo-port needs --sim sumo, got --sim embedded/, ...hand, '--sumo-port', '4000')
})

t.test('fleet: what cannot be is refused before anything is started', async (t) => {
  const directory = t.testdir({ file: '' })
  const run = join(directory, 'run')
  const fleet = (rule: RegExp, ...args: string[]) => refuses(t, 2, rule, ['fleet', '--run-dir', run, ...args])
  const links = /--link-probability needs a method that takes policies from peers, got 0.5 with average-gated/
  await fleet(links, '--method', 'average-gated', '--link-probability', '0.5')
  await fleet(/--rtf needs --realtime, got 5 without it/, '--rtf', '5')
  await fleet(/--report must be a writable directory: ENOTDIR/, '--report', join(directory, 'file', 'report'))
  t.notOk(existsSync(run), 'no directory of a run is left')
})

t.test('a directory that cannot be written is refused before anything is started', async (t) => {
  // Nothing can be made there, by root neither, and Node's recursive mkdir never says so.
  if (!existsSync('/proc/self')) return t.plan(0, '/proc is not on this system')
  const bridge = ['sim-bridge', '--run', 'r', '--broker', 'mqtt://127.0.0.1:1']
  await refuses(t, 2, /--report must be a writable directory: ENOENT.*\/proc\/x/, [...bridge, '--report', '/proc/x/y'])
  await refuses(t, 2, /--report must be a writable directory: .*\/proc\/self/, [...bridge, '--report', '/proc/self'])
  await refuses(t, 2, /--run-dir must be a writable directory: .*\/proc\/x/, [...bridge, '--run-dir', '/proc/x'])
  const fleet = ['fleet', '--run-dir', join(t.testdir(), 'run')]
  await refuses(t, 2, /--report must be a writable directory: .*\/proc\/x/, [...fleet, '--report', '/proc/x'])
  await refuses(t, 2, /--run-dir must be writable: .*\/proc\/x/, ['fleet', '--run-dir', '/proc/x'])
  await refuses(t, 2, /--out: .*\/proc\/x/, ['plot', '--controller', 'none', '--out', '/proc/x'])
})

t.test('policies of cars that do not learn in the world are refused', async (t) => {
  const rule = /policies must be of cars that learn here \(car03, car07, .*\), got car01, car05, car09, car13$/
  await refuses(t, 2, rule, ['evaluate', '--policies', policies, '--vehicles', '20', '--learners', '5'])
  await refuses(t, 2, /got car01, .*, car11$/, ['watch', '--policies', policies, '--learners', '1', '--once', '1'])
})
