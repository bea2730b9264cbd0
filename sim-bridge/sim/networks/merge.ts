import type { NetworkPlan } from '../network.ts'
import { centimetre } from './shapes.ts'

/**
 * A closed merge: the main loop (`common`, `main`) and the loop of the ramp (`common`, `ramp`) share one stretch; where
 * they come together the ramp gives way. 324.72 m and 474.72 m at size 1; `size` multiplies the roads between the junctions.
 * The two roads meet and part at 20°.
 */
export function mergePlan(size: number): NetworkPlan {
  const common = centimetre(150 * size)
  const main = centimetre(150 * size)
  const ramp = centimetre(300 * size)
  const x = straight * Math.cos(angle)
  const y = straight * Math.sin(angle)
  const high = 30 * size
  return {
    name: 'merge',
    lanes: [
      { name: 'common', length: common, internal: false, minor: false },
      { name: ':split_1', length: junctionLength, internal: true, minor: false },
      { name: 'main', length: main, internal: false, minor: false },
      { name: ':merge_1', length: junctionLength, internal: true, minor: false },
      { name: ':split_0', length: junctionLength, internal: true, minor: false },
      { name: 'ramp', length: ramp, internal: false, minor: false },
      { name: ':merge_0', length: junctionLength, internal: true, minor: true },
    ],
    routes: [
      { lanes: [0, 1, 2, 3], startFrom: 0, startLength: centimetre(common + main), startPhase: 0.5 },
      { lanes: [0, 4, 5, 6], startFrom: common, startLength: ramp, startPhase: 0.75 },
    ],
    conflicts: [
      {
        kind: 'merge',
        lanes: [3, 6],
        start: [junctionLength - together[0], junctionLength - together[1]],
        end: [junctionLength - together[0], junctionLength - together[1]],
        past: [junctionLength, junctionLength],
        touch: [junctionLength - touching, Number.POSITIVE_INFINITY],
      },
      {
        kind: 'split',
        lanes: [1, 4],
        start: together,
        end: together,
        past: [together[0] + sagitta, together[1]],
        touch: [Number.NEGATIVE_INFINITY, touching],
      },
    ],
    nodes: [
      { id: 'merge', x: 0, y: 0 },
      { id: 'split', x: common, y: 0 },
    ],
    edges: [
      { id: 'common', from: 'merge', to: 'split', priority: 78 },
      {
        id: 'main',
        from: 'split',
        to: 'merge',
        priority: 78,
        shape: [
          [common, 0],
          [common + straight, 0],
          [common + straight, high],
          [-straight, high],
          [-straight, 0],
          [0, 0],
        ],
      },
      {
        id: 'ramp',
        from: 'split',
        to: 'merge',
        priority: 46,
        shape: [
          [common, 0],
          [common + x, -y],
          [common + x, -y - 2 * high],
          [-x, -y - 2 * high],
          [-x, -y],
          [0, 0],
        ],
      },
    ],
    connections: [],
  }
}

/** Between the main road and the ramp, rad. */
const angle = Math.PI / 9
/** m of straight road before and after a junction, so that its shape does not depend on the size. */
const straight = 40
/** m, as netconvert makes all four lanes of the two junctions. */
const junctionLength = 12.36
/**
 * m over which two of these lanes lie less than 2.5 m apart (MSLink::computeDistToDivergence): 9.436776 m of their shapes,
 * which netconvert draws 12.35 m long on the main road and 12.367208 m on the ramp.
 */
const together = [
  (9.436776225921225 * junctionLength) / 12.350000000000001,
  (9.436776225921225 * junctionLength) / 12.367208097127808,
] as const
/** Radius of the curve into the ramp, m, and the height of the arc over a car and 2 m that SUMO adds (sagitta in getLeaderInfo). */
const radius = 12.367208097127808 / angle
const sagitta = radius - Math.sqrt(radius * radius - 0.25 * 7 * 7)
/** m over which cars side by side touch, 1.8 m wide but for their cut corners; measured on SUMO (MSVehicle::getBoundingPoly). */
const touching = 7
