import t from 'tap'
import type { FieldFigure } from '../bench/core/field.ts'
import { createMaterialisedFisher } from '../bench/core/materialised.ts'
import { startPeer } from '../bench/core/peer-process.ts'
import { drawWorkload } from '../bench/core/workload.ts'
import { floorsOf } from '../bench/floors.ts'
import { figureOf } from '../bench/measure.ts'
import { referenceCalibrationUs, timesAsLong } from '../bench/reference-machine.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'

function fieldFigure(task: FieldFigure['task'], contender: string, us: number): FieldFigure {
  return { ...figureOf(`${task}/${contender}`, 'µs', [us], ''), task, contender, wallMedian: us, difference: 0 }
}

t.test('absolute floors follow the calibration, relative ones do not', async (t) => {
  const figures = [
    figureOf('calibration', 'µs CPU', [2 * referenceCalibrationUs], ''),
    figureOf('sim', 'car-steps/s', [600_000], ''),
    figureOf('fleet-memory', 'MB', [100], ''),
    { ...figureOf('epoch-gated', 'ms CPU', [100], ''), calibrationUs: 3 * referenceCalibrationUs },
  ]
  const field = [fieldFigure('inference', 'wasm', 2), fieldFigure('inference', 'onnxruntime-node', 8)]
  const { rows, unmeasured } = floorsOf(figures, field)
  const row = (name: string) => rows.find((found) => found.name === name)
  t.match(
    row('inference'),
    { floor: 1.5, margin: 0.75, here: 3, value: 2, marginHere: 1.5 },
    'a machine of half the speed may take twice as long',
  )
  t.match(row('embedded simulator'), { floor: 1e6, margin: 0.6, here: 5e5, value: 6e5, marginHere: 1.2 })
  t.match(row('epoch, method gated'), { floor: 50, here: 150, marginHere: 1.5 }, 'its own calibration where it has one')
  t.match(row('inference, against onnxruntime-node'), { floor: 6, here: 6, value: 4, marginHere: 4 / 6 }, 'missed')
  t.match(row('device process, resident'), { floor: 90, here: 90, value: 100, marginHere: 0.9 }, 'missed')
  t.ok(unmeasured.includes('PPO update, against PyTorch'), 'without the peer there is no figure')
})

t.test('the machine of the floors is compared by what its peers took there', async (t) => {
  const field = [
    fieldFigure('step', 'torch', 2 * 860),
    fieldFigure('inference', 'torch', 8 * 19.5),
    fieldFigure('step', 'wasm', 1),
  ]
  const { times, rows } = timesAsLong(field)
  t.equal(rows, 2, 'ours does not count')
  t.ok(Math.abs(times - 4) < 1e-12, `${times} times as long`)
})

t.test('the best of absolute figures stands beside the floors by that', async (t) => {
  const figures = [
    figureOf('epoch-gated', 'ms CPU', [80, 100, 120], ''),
    figureOf('sim', 'car-steps/s', [600_000], ''),
    figureOf('fleet-memory', 'MB', [100], ''),
  ]
  const margins = (field: FieldFigure[]) =>
    floorsOf(figures, field).rows.map(({ name, marginPeers }) => [name, marginPeers])
  t.same(margins([fieldFigure('step', 'torch', 2 * 860)]), [
    ['epoch, method gated', 1.25],
    ['embedded simulator', 1.2],
    ['device process, resident', undefined],
  ])
  t.ok(
    margins([]).every(([, margin]) => margin === undefined),
    'without peers there is none',
  )
})

t.test('a peer that cannot start is absent with its command and its reason', async (t) => {
  t.match(await startPeer('nobody', '/nonexistent/python', ['peer.py']), {
    name: 'nobody',
    command: '/nonexistent/python peer.py',
    reason: /ENOENT/,
  })
  const script = "console.error('Warning: nothing'); throw new Error('no module')"
  t.match(await startPeer('broken', process.execPath, ['-e', script]), { name: 'broken', reason: 'Error: no module' })
})

t.test('q of the materialised matrix is that of the exact form', async (t) => {
  const { architecture, policy, peers, states } = drawWorkload({ hidden: [5, 4], gateSize: 11, rollout: 64 })
  const delta = peers[0]!.map((x, i) => x - policy[i]!)
  const materialised = createMaterialisedFisher(architecture)(policy, delta, states, 11)
  const exact = createReferenceEngine(architecture).fisherExact(policy, peers[0]!, states, 11)
  t.ok(Math.abs(materialised / exact - 1) < 1e-12, `${materialised} beside ${exact}`)
})
