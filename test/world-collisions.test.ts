import t from 'tap'
import type { World } from '../sim-bridge/world.ts'
import { requireTool } from './support/require.ts'
import { minimalStandard, opens } from './support/worlds.ts'

/** Seeds with which learners that slam their brakes cause collisions in the crossing. */
const seeds = { flow: [3, 7, 9, 12, 15, 17, 18, 19, 27, 28, 30, 34, 39], lab: [4, 21] } as const

for (const preset of ['flow', 'lab'] as const) {
  t.test(`${preset}: the same pairs collide, from the same step to the same step, as on SUMO`, async (t) => {
    if (!requireTool(t, 'sumo')) return
    const embedded = await opens.embedded(t, { preset })
    const sumo = await opens.sumo(t, { preset })
    const commands = new Float64Array(14).fill(Number.NaN)
    for (const seed of seeds[preset]) {
      await embedded.reset()
      let last = (await sumo.reset()).info
      const random = minimalStandard(seed)
      const events: string[] = []
      let parted = 0
      let listed = ''
      for (let k = 1; k <= 1500; k++) {
        for (let i = 1; i < 14; i += 2) if (k === 1 || random() < 1 / 30) commands[i] = random() < 0.25 ? -20 : 3
        const here = (await embedded.step(commands)).info
        last = (await sumo.step(commands)).info
        if (embedded.speed.some((v, i) => !(Math.abs(v - sumo.speed[i]!) < 1e-3))) {
          parted = k
          break
        }
        const pairs = pairsOf(sumo)
        if (pairs !== listed) events.push(`step ${k}: ${pairs === '' ? 'none' : pairs}`)
        listed = pairs
        if (pairsOf(embedded) !== pairs) t.fail(`seed ${seed}, step ${k}: SUMO has ${pairs}, got ${pairsOf(embedded)}`)
        if (here.collisions !== last.collisions || Math.abs(here.nas - last.nas) > 1e-4)
          t.fail(`seed ${seed}, step ${k}: SUMO has ${JSON.stringify(last)}, got ${JSON.stringify(here)}`)
      }
      t.comment(`seed ${seed}: ${events.join(', ')}${parted > 0 ? `; speeds part at step ${parted}` : ''}`)
      t.ok(last.collisions > 0, `seed ${seed}: ${last.collisions} pairs`)
    }
  })
}

/** The pairs that collide now, in one order. */
function pairsOf({ collisions, vehicles }: World): string {
  return collisions
    .map(([a, b]) => `${vehicles[Math.min(a, b)]} and ${vehicles[Math.max(a, b)]}`)
    .sort()
    .join(', ')
}
