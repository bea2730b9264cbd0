/** Seconds per step: SUMO's `--step-length`. */
export const stepLength = 0.1
/** Length of every car, m. */
export const carLength = 5
/** Gap a car keeps at rest, bumper to bumper, m. */
export const minGap = 2.5
/** Desired time headway, s. */
export const tau = 1

/** SUMO's NUMERICAL_EPS: the gap below which IDM divides by this instead, m, and the speed that counts as rest, m/s. */
export const numericalEps = 0.001
/** Private copies for the formulas of every car and step: V8 compiles them in, exported constants it reads from memory each time. */
const dt = stepLength
const restGap = minGap
const headway = tau
const eps = numericalEps
/** Emergency deceleration of a passenger car in SUMO, m/s². */
const emergencyDecel = 9

/** The part of a vehicle type that the car-following model reads: m/s² and m/s. */
export interface Driver {
  readonly accel: number
  readonly decel: number
  readonly maxSpeed: number
  readonly twoSqrtAccelDecel: number
}

/** A driver from its vehicle type; `maxSpeed` is also the limit of every lane of the net. */
export function createDriver(accel: number, decel: number, maxSpeed: number): Driver {
  return { accel, decel, maxSpeed, twoSqrtAccelDecel: 2 * Math.sqrt(accel * decel) }
}

/**
 * Speed after one step at speed `v` with `gap` m ahead to something moving at `leaderSpeed` (MSCFModel_IDM::_v).
 * One iteration: SUMO makes max(1, int(0.1 / 0.25 + 0.5)) of them.
 */
export function idm(driver: Driver, v: number, gap: number, leaderSpeed: number, standstillGap: number): number {
  const s = Math.max(0, v * headway + (v * (v - leaderSpeed)) / driver.twoSqrtAccelDecel) + standstillGap
  const g = Math.max(eps, gap)
  const r = v / driver.maxSpeed
  const r2 = r * r
  return Math.max(0, v + dt * (driver.accel * (1 - r2 * r2 - (s * s) / (g * g))))
}

/** Safe speed behind a car whose rear bumper is `gap` m ahead (MSCFModel_IDM::followSpeed). */
export function follow(driver: Driver, v: number, gap: number, leaderSpeed: number): number {
  return idm(driver, v, gap, leaderSpeed, restGap)
}

/** Safe speed before a stop `distance` m ahead (MSCFModel_IDM::stopSpeed). */
export function stop(driver: Driver, v: number, distance: number): number {
  if (distance < 0.01) return 0
  const speed = idm(driver, v, distance, 0, 0)
  // From rest IDM would never close the last metres of a stop: SUMO switches to Krauss there.
  return v < eps && speed < eps ? kraussStop(driver, distance, dt) : speed
}

/** Speed on a free road (MSCFModel_IDM::freeSpeed, which asks for a gap of 1000 km). */
export function free(driver: Driver, v: number): number {
  return idm(driver, v, 1e6, driver.maxSpeed, 0)
}

/** Distance needed to stop from `v` by whole steps at the driver's own decel, m (MSCFModel::brakeGapEuler, no reaction time). */
export function brakeGap(driver: Driver, v: number): number {
  const reduction = driver.decel * dt
  const steps = Math.floor(v / reduction)
  return dt * (steps * v - (reduction * steps * (steps + 1)) / 2)
}

/** The driver's next speed under the safe speed, within what its engine and brakes can do (MSCFModel::finalizeSpeed). */
export function drive(driver: Driver, v: number, safeSpeed: number): number {
  // Beyond its own brakes only the safe speed forces it.
  const lowest = Math.min(lowestSpeed(driver, v), Math.max(safeSpeed, v - dt * emergencyDecel))
  const highest = Math.min(safeSpeed, v + driver.accel * dt, driver.maxSpeed)
  return Math.max(0, lowest, highest)
}

/** Speed after braking for one step, below 0 where the car stands before; a gentle driver brakes at 1.5 m/s² (MSCFModel_IDM::minNextSpeed). */
export function lowestSpeed(driver: Driver, v: number): number {
  return v - dt * Math.max(driver.decel, Math.min(driver.accel, 1.5))
}

/**
 * The speed that the command "accelerate with `acceleration`" asks for after one step. It is given to SUMO as
 * slowDown(target, 1 ms), and MSVehicle::Influencer::influenceSpeed adds that 1 ms to the step: 0.1 / 0.101 of the change.
 */
export function commandedSpeed(v: number, acceleration: number): number {
  const target = Math.max(0, v + dt * acceleration)
  return v - (v - target) * (dt / 0.101)
}

/** Speed from which a car stops within `distance` m after `reaction` s (MSCFModel::maximumSafeStopSpeedEuler). */
export function kraussStop(driver: Driver, distance: number, reaction: number): number {
  const g = distance - eps
  if (g < 0) return 0
  const b = driver.decel * dt
  const s = dt
  const t = reaction
  const n = Math.floor(0.5 - (t - Math.sqrt(s * s + 4 * (s * ((2 * g) / b - t) + t * t)) / 2) / s)
  const h = 0.5 * n * (n - 1) * b * s + n * b * t
  return n * b + (g - h) / (n * s + t)
}
