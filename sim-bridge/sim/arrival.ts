import { haltingSpeed } from './crossing.ts'
import { brakeGap, carLength, type Driver, numericalEps, tau } from './idm.ts'

/** One step of SUMO's clock, ms. */
export const stepMs = 100

/** Seconds on SUMO's clock, in whole ms (TIME2STEPS). */
export function milliseconds(seconds: number): number {
  return Math.trunc(seconds * 1000 + (seconds >= 0 ? 0.5 : -0.5))
}

/** Speed after `distance` m at full acceleration, m/s (MSCFModel::estimateSpeedAfterDistance). */
export function speedAfter(driver: Driver, distance: number, v: number): number {
  return Math.min(driver.maxSpeed, Math.sqrt(Math.max(0, 2 * distance * driver.accel + v * v)))
}

/** Time to a point `distance` m ahead that is to be passed at `arrivalSpeed`, ms (MSCFModel::getMinimalArrivalTime). */
export function arrivalDelay(driver: Driver, distance: number, v: number, arrivalSpeed: number): number {
  if (distance <= 0) return 0
  const accel = arrivalSpeed >= v ? driver.accel : -driver.decel
  const accelTime = (arrivalSpeed - v) / accel
  const accelWay = accelTime * (arrivalSpeed + v) * 0.5
  if (distance < accelWay) return milliseconds(-(v - Math.sqrt(v * v + 2 * accel * distance)) / accel)
  return milliseconds(accelTime + (distance - accelWay) / Math.max(v, arrivalSpeed, haltingSpeed))
}

/**
 * Speed at a point `distance` m ahead if the car brakes from now on; 0 where it can stop before
 * (MSVehicle::planMoveInternal and MSCFModel::getMinimalArrivalSpeedEuler, to the decel that it returns as a speed).
 */
export function brakingArrivalSpeed(driver: Driver, distance: number, v: number, arrivalSpeed: number): number {
  if (distance >= brakeGap(driver, v) + v * tau) return 0
  if (distance < v) return arrivalSpeed
  const rest = v * v - 2 * (distance - v * tau) * driver.decel
  return Math.min(arrivalSpeed, rest >= 0 ? Math.min(driver.maxSpeed, Math.sqrt(rest)) : driver.decel)
}

/** When the rear of a car that arrives at `arrivalTime` ms has left a lane of `length` m, ms (MSLink::getLeaveTime). */
export function leaveTime(length: number, arrivalTime: number, arrivalSpeed: number, leaveSpeed: number): number {
  const speed = Math.max(0.5 * (arrivalSpeed + leaveSpeed), numericalEps)
  return arrivalTime + milliseconds((length + carLength) / speed)
}
