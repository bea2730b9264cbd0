export type Point = readonly [x: number, y: number]

/** Points on a circle around (x, y), from one angle (rad) to another in equal parts; m. */
export function arc(x: number, y: number, radius: number, from: number, to: number, parts: number): readonly Point[] {
  return Array.from({ length: parts + 1 }, (_, k) => {
    const angle = from + ((to - from) * k) / parts
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)] as const
  })
}

/** m, rounded as SUMO rounds lengths. */
export function centimetre(length: number): number {
  return Math.round(100 * length) / 100
}
