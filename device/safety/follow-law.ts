/**
 * The fallback: a plain follow law of its own (not the simulator's driver model, on purpose), which keeps a time gap of
 * 2 s behind a standstill distance of 4 m and never asks for more than half the limit when speeding up.
 * Returns m/s², unclipped towards braking.
 */
export function followAcceleration(
  { speed, gap, leaderSpeed }: { readonly speed: number; readonly gap: number; readonly leaderSpeed: number },
  limit: number,
): number {
  const desiredGap = 4 + 2 * speed
  const wanted = 0.25 * (gap - desiredGap) + 0.6 * (leaderSpeed - speed)
  return Math.min(wanted, limit / 2)
}
