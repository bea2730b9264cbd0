/**
 * GAE(λ) over float64 columns [count], newest transition first, as `device/core/gae.ts` and with the same bits: the trace is
 * cut at both kinds of end, only a termination has no value after it. `ends` holds a byte each: 1 terminated, 2 truncated.
 */
export function generalizedAdvantage(
  reward: usize,
  value: usize,
  nextValue: usize,
  discount: usize,
  ends: usize,
  count: i32,
  lambda: f64,
  advantage: usize,
  returns: usize,
): void {
  let trace: f64 = 0
  for (let t = count - 1; t >= 0; t--) {
    const at = (<usize>t) << 3
    const end = load<u8>(ends + <usize>t)
    const gamma = load<f64>(discount + at)
    const bootstrap = end & 1 ? 0 : gamma * load<f64>(nextValue + at)
    const carried = end ? 0 : gamma * lambda * trace
    trace = load<f64>(reward + at) + bootstrap - load<f64>(value + at) + carried
    store<f64>(advantage + at, trace)
    store<f64>(returns + at, trace + load<f64>(value + at))
  }
}
