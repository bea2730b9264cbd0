import { type Driver, follow, minGap, stepLength, stop } from './idm.ts'

/** Speed below which a vehicle counts as halting in SUMO, m/s. */
export const haltingSpeed = 0.1
/** SUMO's POSITION_EPS: cars stop this far before the end of a lane, m. */
export const positionEps = 0.1
/** MSVehicle's DIST_TO_STOPLINE_EXPECT_PRIORITY: where a car with right of way would wait, m before the line. */
const priorityStopOffset = 1

/**
 * Speed at which a car could still stop before entering the junction lane whose line is `seen` m ahead
 * (myVLinkWait in MSVehicle::planMoveInternal). `ownBrakeGap` in m.
 */
export function waitSpeed(driver: Driver, v: number, seen: number, major: boolean, ownBrakeGap: number): number {
  let offset = major ? priorityStopOffset : 0
  if (seen >= ownBrakeGap) offset = Math.min(offset, seen - ownBrakeGap)
  return stop(driver, v, Math.max(0, seen - Math.max(positionEps, offset)))
}

/**
 * Safe speed behind a foe on the other lane of a conflict, as if the two lanes lay on each other
 * (MSVehicle::adaptToJunctionLeader). `gap`: bumper to bumper less minGap, m; `line`: m to the start of the own lane.
 */
export function speedBehindFoe(driver: Driver, v: number, gap: number, line: number, foeSpeed: number): number {
  return gap >= 0 ? follow(driver, v, gap + minGap, foeSpeed) : stop(driver, v, line - positionEps)
}

/**
 * `safe` raised for a foe that crosses: "drive up to the crossing point", to arrive `distance` m ahead when the foe is
 * through, as long as a stop before it stays possible (MSVehicle::adaptToJunctionLeader). `gap` as above.
 */
export function speedUpToCrossing(
  driver: Driver,
  v: number,
  distance: number,
  gap: number,
  foeSpeed: number,
  safe: number,
): number {
  if (distance < 0) return safe
  const foeTime = (distance - gap) / Math.max(foeSpeed, haltingSpeed)
  const finalSpeed = Math.max(v, (2 * (distance - minGap)) / foeTime - v)
  const timed = v + (stepLength * (finalSpeed - v)) / foeTime
  return Math.max(safe, Math.min(timed, stop(driver, v, distance - minGap)))
}
