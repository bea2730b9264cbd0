import { exp } from './elementary'

/** ½ log 2π */
const HALF_LOG_TWO_PI: f64 = 0.9189385332046728

/*
 * Samples are float64 rows of `samples`: actions [actionSize], log π*(a|s), advantage, return. What the loss says is written
 * to `statistics` as float64: policyLoss, valueLoss, approxKl, clipped.
 */

/** Copies these rows of samples and of float32 observations into the minibatch. */
export function gather(
  observations: usize,
  observationSize: i32,
  samples: usize,
  sampleSize: i32,
  indices: usize,
  rows: i32,
  toObservations: usize,
  toSamples: usize,
): void {
  const observationBytes = <usize>observationSize * 4
  const sampleBytes = <usize>sampleSize * 8
  for (let i = 0; i < rows; i++) {
    const row = <usize>load<i32>(indices + ((<usize>i) << 2))
    memory.copy(toObservations, observations + row * observationBytes, observationBytes)
    memory.copy(toSamples, samples + row * sampleBytes, sampleBytes)
    toObservations += observationBytes
    toSamples += sampleBytes
  }
}

/** Â = (A − mean)/(unbiased std + 1e-8) over the minibatch (CleanRL); a single sample stays as it is. */
export function normalizeAdvantages(samples: usize, sampleSize: i32, actionSize: i32, rows: i32): void {
  if (rows < 2) return
  const stride = <usize>sampleSize * 8
  const first = samples + <usize>(actionSize + 1) * 8
  const count = <f64>rows
  let mean: f64 = 0
  for (let i = 0, at = first; i < rows; i++, at += stride) mean += load<f64>(at) / count
  let squares: f64 = 0
  for (let i = 0, at = first; i < rows; i++, at += stride) squares += (load<f64>(at) - mean) * (load<f64>(at) - mean)
  const scale = sqrt(squares / (count - 1)) + 1e-8
  for (let i = 0, at = first; i < rows; i++, at += stride) store<f64>(at, (load<f64>(at) - mean) / scale)
}

/**
 * PPO's loss −min(ratio·Â, clip(ratio, 1 ± clipRange)·Â) − entropyCoef·H + valueCoef·½(V − R)², mean over the rows: its
 * derivatives with respect to the means [rows, meanWidth], log σ and the values [rows, 4], all float32. The width of the
 * means beyond `actionSize` gets zeros.
 */
export function ppoLoss(
  means: usize,
  meanWidth: i32,
  logStd: usize,
  values: usize,
  samples: usize,
  actionSize: i32,
  rows: i32,
  clipRange: f64,
  entropyCoef: f64,
  valueCoef: f64,
  meanDeltas: usize,
  logStdGradient: usize,
  valueDeltas: usize,
  statistics: usize,
): void {
  const count = <f64>rows
  const meanStride = <usize>meanWidth * 4
  memory.fill(meanDeltas, 0, <usize>rows * meanStride)
  memory.fill(valueDeltas, 0, <usize>rows * 16)
  let policyLoss: f64 = 0
  let valueLoss: f64 = 0
  let approxKl: f64 = 0
  let clipped: f64 = 0
  // Once for each action dimension, with the slope of the whole log-probability kept beside the sample's advantage.
  for (let i = 0; i < rows; i++) {
    const mean = means + <usize>i * meanStride
    const sample = samples + <usize>(i * (actionSize + 3)) * 8
    let logProb: f64 = 0
    for (let j = 0; j < actionSize; j++) {
      const deviation = <f64>load<f32>(logStd + ((<usize>j) << 2))
      const z = (load<f64>(sample + ((<usize>j) << 3)) - <f64>load<f32>(mean + ((<usize>j) << 2))) * exp(-deviation)
      logProb -= 0.5 * z * z + (deviation + HALF_LOG_TWO_PI)
    }
    const rest = sample + ((<usize>actionSize) << 3)
    const logRatio = logProb - load<f64>(rest)
    const ratio = exp(logRatio)
    const advantage = load<f64>(rest, 8)
    const surrogate = ratio * advantage
    const clippedSurrogate = min(max(ratio, 1 - clipRange), 1 + clipRange) * advantage
    policyLoss -= min(surrogate, clippedSurrogate) / count
    approxKl += (ratio - 1 - logRatio) / count
    if (abs(ratio - 1) > clipRange) clipped += 1
    // ∂L/∂log π(a|s): the clipped branch is flat. It takes the place of the advantage for the second pass.
    store<f64>(rest, surrogate > clippedSurrogate ? 0 : -surrogate / count, 8)
    const error = <f64>load<f32>(values + ((<usize>i) << 4)) - load<f64>(rest, 16)
    valueLoss += (0.5 * error * error) / count
    store<f32>(valueDeltas + ((<usize>i) << 4), <f32>((valueCoef * error) / count))
  }
  for (let j = 0; j < actionSize; j++) {
    const offset = (<usize>j) << 2
    const inverse = exp(-(<f64>load<f32>(logStd + offset)))
    let gradient: f64 = 0
    for (let i = 0; i < rows; i++) {
      const sample = samples + <usize>(i * (actionSize + 3)) * 8
      const slope = load<f64>(sample + ((<usize>actionSize) << 3), 8)
      const at = <usize>i * meanStride + offset
      const z = (load<f64>(sample + ((<usize>j) << 3)) - <f64>load<f32>(means + at)) * inverse
      store<f32>(meanDeltas + at, <f32>(slope * z * inverse))
      gradient += slope * (z * z - 1)
    }
    store<f32>(logStdGradient + offset, <f32>(gradient - entropyCoef)) // ∂H/∂log σ_j = 1
  }
  store<f64>(statistics, policyLoss)
  store<f64>(statistics, valueLoss, 8)
  store<f64>(statistics, approxKl, 16)
  store<f64>(statistics, clipped / count, 24)
}
