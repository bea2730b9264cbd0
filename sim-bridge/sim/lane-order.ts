/** Where each car is: its route, its lane and its front bumper from the lane's start, m. */
export interface Places {
  readonly route: Int32Array
  readonly lane: Int32Array
  readonly lanePosition: Float64Array
}

/** All cars sorted lane by lane, rear to front. It remembers its order, so that an update costs one pass. */
export class LaneOrder {
  /** Car indices: those with their front on lane l are at `begin[l]` … `begin[l + 1] − 1`. */
  readonly cars: Int32Array
  readonly begin: Int32Array
  /** Where each car is in `cars`. */
  readonly slot: Int32Array

  constructor(count: number, laneCount: number) {
    this.cars = Int32Array.from({ length: count }, (_, i) => i)
    this.begin = new Int32Array(laneCount + 1)
    this.slot = new Int32Array(count)
  }

  update({ lane: lanes, lanePosition }: Places): void {
    const { cars, begin, slot } = this
    const count = cars.length
    for (let k = 1; k < count; k++) {
      const car = cars[k]!
      const lane = lanes[car]!
      const position = lanePosition[car]!
      let j = k - 1
      for (; j >= 0; j--) {
        const other = cars[j]!
        if (lanes[other]! < lane || (lanes[other]! === lane && lanePosition[other]! <= position)) break
        cars[j + 1] = other
      }
      cars[j + 1] = car
    }
    let lane = 0
    for (let k = 0; k < count; k++) {
      const car = cars[k]!
      slot[car] = k
      while (lane < lanes[car]!) begin[++lane] = k
    }
    while (lane < begin.length - 1) begin[++lane] = count
  }
}
