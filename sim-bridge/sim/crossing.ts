import { type Driver, follow, minGap, stepLength, stop } from './idm.ts'

/** Each crossing lane is shared with the other from here … (m from its start; 9.4 m lanes of 3.2 m width cross at 4.7) */
export const conflictStart = 3.1
/** … to here. */
export const conflictEnd = 6.3
/** Speed below which a vehicle counts as halting in SUMO, m/s. */
export const haltingSpeed = 0.1

/** Half the width of a car, m. */
const halfWidth = 0.9
const crossingPoint = 4.7
/** SUMO's POSITION_EPS: cars stop this far before the end of a lane, m. */
export const positionEps = 0.1
/** MSVehicle's DIST_TO_STOPLINE_EXPECT_PRIORITY: where a car with right of way would wait, m before the line. */
const priorityStopOffset = 1
/** Length of a crossing lane, m. */
const crossingLength = 9.4

/**
 * Speed at which a car could still stop before entering the crossing lane whose line is `seen` m ahead
 * (myVLinkWait in MSVehicle::planMoveInternal). `ownBrakeGap` in m.
 */
export function waitSpeed(driver: Driver, v: number, seen: number, major: boolean, ownBrakeGap: number): number {
  let offset = major ? priorityStopOffset : 0
  if (seen >= ownBrakeGap) offset = Math.min(offset, seen - ownBrakeGap)
  return stop(driver, v, Math.max(0, seen - Math.max(positionEps, offset)))
}

/**
 * Safe speed towards the conflict zone while a foe is inside (the gap of MSLink::getLeaderInfo, then
 * MSVehicle::adaptToJunctionLeader). `seen`: m to the end of the own crossing lane; `foeBack`: position of the foe's rear
 * on its crossing lane, m.
 */
export function speedTowardsFoe(driver: Driver, v: number, seen: number, foeBack: number, foeSpeed: number): number {
  const distance = distanceToConflict(seen)
  // The foe is followed as if the two lanes lay on each other, its zone's end at the start of the own.
  const gap = distance - minGap + foeBack - conflictEnd
  const safe =
    gap >= 0 ? follow(driver, v, gap + minGap, foeSpeed) : stop(driver, v, seen - crossingLength - positionEps)
  if (distance < 0) return safe
  // "Drive up to the crossing": arrive at the zone when the foe is through, as long as a stop before it stays possible.
  const foeTime = (distance - gap) / Math.max(foeSpeed, haltingSpeed)
  const finalSpeed = Math.max(v, (2 * (distance - minGap)) / foeTime - v)
  const timed = v + (stepLength * (finalSpeed - v)) / foeTime
  return Math.max(safe, Math.min(timed, stop(driver, v, distance - minGap)))
}

/** Distance from the own front to the conflict zone, m; negative inside it. `seen`: m to the end of the own crossing lane. */
export function distanceToConflict(seen: number): number {
  return seen - (crossingLength - conflictStart)
}

/** Whether the front of a car `distance` m before the zone is so far in it that it yields to nobody (MSLink::getLeaderInfo). */
export function isInConflict(distance: number): boolean {
  return distance < -positionEps
}

/** Whether two cars touch in the crossing, given where their fronts and rears are on their own crossing lanes, m. */
export function bodiesOverlap(frontA: number, backA: number, frontB: number, backB: number): boolean {
  return coversPoint(frontA, backA) && coversPoint(frontB, backB)
}

function coversPoint(front: number, back: number): boolean {
  return front > crossingPoint - halfWidth && back < crossingPoint + halfWidth
}
