import t from 'tap'
import { createSlicer } from '../device/slicer.ts'
import { channels } from '../schemas/topics.ts'
import { calm } from './support/devices.ts'
import { at, createRig, decide, last, outcome, policyOf, reset, turn } from './support/rig.ts'

t.test('a slice ends after its time, and the next one begins when all others had their turn', async (t) => {
  let ms = 0
  let turns = 0
  const slice = createSlicer({
    now: () => ms,
    sliceMs: 5,
    turn: async () => {
      turns++
      ms += 100
    },
  })
  await slice()
  t.equal(turns, 1, 'learning begins with a pause')
  for (const [more, paused] of [
    [4.9, false],
    [0.1, true],
    [4.9, false],
    [3, true],
  ] as const) {
    ms += more
    const pause = slice()
    t.equal(pause !== undefined, paused, `${more} ms later`)
    await pause
  }
})

/** A device that stops before every minibatch step until it is let go. */
function createHalting(): { rig: ReturnType<typeof createRig>; go: () => Promise<void>; paused: () => boolean } {
  let release: (() => void) | undefined
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      release = resolve
    })
  const rig = createRig(['car01'], { ppoEpochs: 4 }, { pause })
  return {
    rig,
    paused: () => release !== undefined,
    async go() {
      const resolve = release
      release = undefined
      resolve?.()
      await turn()
    },
  }
}

t.test('decisions are answered while an update is under way, by the policy that was', async (t) => {
  const { rig, go, paused } = createHalting()
  rig.ask('car01', reset)
  rig.ask('car01', decide)
  const before = policyOf(rig, 'car01').slice()
  rig.ask('car01', { kind: 'learn', ...at, outcome: last, observation: calm })
  await turn()
  t.ok(paused())
  const acts = rig.acts.length
  rig.ask('car01', { ...decide, step: 260 })
  rig.ask('car01', { ...decide, step: 270, outcome })
  t.same(
    rig.acts.slice(acts).map(({ kind }) => kind),
    ['decide', 'decide'],
  )
  t.same(policyOf(rig, 'car01'), before, 'the policy is the old one until the update is whole')
  let pauses = 1
  for (; paused(); pauses++) await go()
  t.match(rig.last('learn'), { samples: 2, updates: 1 }, 'samples closed meanwhile are kept for the next update')
  t.equal(pauses, 4, 'three pauses between four minibatch steps')
  t.notSame(policyOf(rig, 'car01'), before)
  rig.ask('car01', { kind: 'learn', epoch: 1, step: 500, outcome: last, observation: calm })
  while (paused()) await go()
  await turn()
  t.match(rig.last('learn'), { updates: 2 })
})

t.test('a new epoch gives up the update under way, and what it would have answered', async (t) => {
  const { rig, go, paused } = createHalting()
  rig.ask('car01', reset)
  rig.ask('car01', decide)
  const before = policyOf(rig, 'car01').slice()
  rig.ask('car01', { kind: 'learn', ...at, outcome: last, observation: calm })
  await turn()
  t.ok(paused())
  let offered = 0
  rig.bus.subscribe(channels.params, { fleet: 'demo', cell: 'all' }, () => offered++)
  rig.ask('car01', { ...reset, epoch: 2 })
  t.match(rig.last('reset'), { epoch: 2 })
  while (paused()) await go()
  t.same(policyOf(rig, 'car01'), before)
  t.equal(rig.last('learn'), undefined)
  t.equal(offered, 0, 'nothing is published as if it had been learned')
})
