import { exp } from './elementary'
import { normal } from './random'

/** ½ log 2π */
const HALF_LOG_TWO_PI: f64 = 0.9189385332046728

/**
 * Draws an action μ + σ · normal from one row of means, as float32 and −0 as +0, with the generator at `noise`; writes it to
 * `action` and returns its log π(a|s).
 */
export function sample(mean: usize, logStd: usize, actionSize: i32, noise: usize, action: usize): f64 {
  let logProb: f64 = 0
  for (let j: usize = 0; j < (<usize>actionSize) << 2; j += 4) {
    const centre = <f64>load<f32>(mean + j)
    const deviation = <f64>load<f32>(logStd + j)
    const drawn = <f32>(centre + exp(deviation) * normal(noise)) + 0
    store<f32>(action + j, drawn)
    const z = (<f64>drawn - centre) * exp(-deviation)
    logProb -= 0.5 * z * z + (deviation + HALF_LOG_TWO_PI)
  }
  return logProb
}
