import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { drivenWorldSpec } from '../cli/driven-world.ts'
import { flagOf } from '../cli/options.ts'
import { worldConfig, worldSpec } from '../cli/world-options.ts'
import { defaultConfig } from '../schemas/config.ts'
import { worldProperties } from '../schemas/config-world.ts'
import { answer, json, refuses, trustmix } from './support/cli.ts'
import { headway } from './support/watching.ts'

const policies = fileURLToPath(new URL('../../test/policies/', import.meta.url))

t.test('tools know every option of the world that fleet and sim-bridge know, with the same meaning', async (t) => {
  const { controller: _, sumoBinary, sumoGui, sumoPort, ...ofTheWorld } = worldProperties
  for (const [key, property] of Object.entries(ofTheWorld)) {
    const option = Object.entries(worldSpec).find(([name]) => name === flagOf(key))?.[1]
    t.ok(option, `--${flagOf(key)}`)
    t.equal(option?.description, property.description)
    if ('enum' in property) t.match(option, { choices: property.enum.map(String), default: String(property.default) })
    else t.match(option, { minimum: property.minimum, maximum: property.maximum })
  }
  t.match(drivenWorldSpec, worldSpec, 'watch and plot too')
  t.same(worldConfig({ ...headway, seed: defaultConfig.seed }), defaultConfig, 'and the same defaults')
  const other = { ...headway, collision: 'end', brake: 'latched', crossing: 'nearest-first', 'speed-mode': '31' }
  t.match(worldConfig(other), { collision: 'end', brake: 'latched', crossing: 'nearest-first', speedMode: 31 })
})

t.test('the world of a tool is the one asked for', async (t) => {
  const evaluate = (...more: string[]) => answer(t, ['evaluate', '--policies', policies, ...more])
  const figures = await evaluate()
  for (const more of [
    ['--crossing', 'nearest-first'],
    ['--speed-mode', '31'],
    ['--brake', 'latched'],
  ])
    t.not((await evaluate(...more)).meanSpeed, figures.meanSpeed, more.join(' '))
  const crash = ['--controller', 'none', '--start-jitter', '3', '--seed', '2', '--out', t.testdir()]
  const drawn = async (collision: string) =>
    (await json(t, ['plot', ...crash, '--collision', collision])) as { figures: { epoch: { meanSpeed: number } } }
  const [ends, goesOn] = [await drawn('end'), await drawn('continue')]
  t.not(ends.figures.epoch.meanSpeed, goesOn.figures.epoch.meanSpeed, 'two drivers collide after 5.6 s')
  await refuses(t, 2, /--speed-mode must be one of 1, 25, 31, got 2/, ['watch', '--speed-mode', '2'])
  await refuses(t, 2, /--crossing must be priority with --sim sumo, got nearest-first/, [
    ...['evaluate', '--policies', policies, '--sim', 'sumo', '--crossing', 'nearest-first'],
  ])
})

t.test('policies that were trained in another world are told of', async (t) => {
  const run = t.testdir()
  const folder = join(run, 'policies')
  cpSync(policies, folder, { recursive: true })
  const trainedIn = (change: object) =>
    writeFileSync(join(run, 'config.json'), JSON.stringify({ ...defaultConfig, ...change }))
  const drive = ['--policies', folder]
  t.equal((await trustmix(['watch', ...drive, '--once', '0'])).stderr, '', 'nothing is known of a bare folder')

  trainedIn({ network: 'ring', speedMode: 31, learners: 7 })
  const rule =
    /^policies of .* were trained with --network ring, got figure-eight\npolicies of .* --speed-mode 31, got 1\n$/
  t.match(await trustmix(['evaluate', ...drive]), { code: 0, stderr: rule })
  t.match(await trustmix(['watch', ...drive, '--once', '0']), { code: 0, stderr: rule })
  t.match(await trustmix(['plot', ...drive, '--out', join(run, 'plots')]), { code: 0, stderr: rule })
  const same = ['--network', 'ring', '--speed-mode', '31']
  t.equal((await trustmix(['watch', ...drive, ...same, '--once', '0'])).stderr, '')

  trainedIn({ setting: 'letter' })
  for (const tool of [['evaluate'], ['watch', '--once', '0'], ['plot', '--out', join(run, 'plots')]])
    await refuses(t, 2, /were trained with --setting letter, got headway/, [...tool, ...drive])
  writeFileSync(join(run, 'config.json'), '{"somebody": "else\'s"}')
  t.equal((await trustmix(['watch', ...drive, '--once', '0'])).stderr, '')
})
