/** Length of the loop, internal lanes included, m. */
export const loopLength = 421.94
/** Number of lanes of the loop. */
export const laneCount = 12

/**
 * The lanes in loop order, as netconvert lays them out:
 * bottom, :center_1, top, :top_0, upper_ring, :right_0, right, :center_0, left, :left_0, lower_ring, :bottom_0.
 */
export const laneLength: Float64Array = Float64Array.of(30, 9.4, 30, 0.1, 141.37, 0.1, 30, 9.4, 30, 0.1, 141.37, 0.1)
/** Loop coordinate at which each lane starts, m. */
export const laneStart: Float64Array = Float64Array.of(
  0,
  30,
  39.4,
  69.4,
  69.5,
  210.87,
  210.97,
  240.97,
  250.37,
  280.37,
  280.47,
  421.84,
)

/** The lane from bottom to top through the crossing: the road with right of way. */
export const majorCrossing = 1
/** The lane from right to left through the crossing. */
export const minorCrossing = 7

/** Lanes inside a junction have odd indices. */
export function isInternal(lane: number): boolean {
  return lane % 2 === 1
}

/** Whether the lane is one of the two through the crossing. */
export function isCrossing(lane: number): boolean {
  return lane === majorCrossing || lane === minorCrossing
}

/** The lane after `lane`. */
export function laneAfter(lane: number): number {
  return lane + 1 === laneCount ? 0 : lane + 1
}

/** The lane before `lane`. */
export function laneBefore(lane: number): number {
  return lane === 0 ? laneCount - 1 : lane - 1
}

/** Loop coordinate in [0, loopLength) of a point `position` m after the start of `lane`. */
export function loopCoordinate(lane: number, position: number): number {
  const x = laneStart[lane]! + position
  return x < loopLength ? x : x - loopLength
}

/** Distance from loop coordinate `from` ahead to `to`, in [0, loopLength). */
export function distanceAhead(from: number, to: number): number {
  const d = to - from
  return d < 0 ? d + loopLength : d
}
