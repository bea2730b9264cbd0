/**
 * The links that each car has in view, in driving order (SUMO's DriveProcessItems): those of car i are from `i · size` on.
 * A link leads from one lane to the next.
 */
export class LinkPlans {
  /** Links that one car can have in view. */
  readonly size: number
  /** Per car: links in view. */
  readonly count: Int32Array
  /** Lane that the link leads to. */
  readonly lane: Int32Array
  /** m to the link. */
  readonly seen: Float64Array
  /** Speed for passing it, m/s (myVLinkPass). */
  readonly pass: Float64Array
  /** Speed for stopping before it, m/s (myVLinkWait). */
  readonly wait: Float64Array
  /** 1 where the car asks to pass (mySetRequest). */
  readonly request: Uint8Array
  /** ms of SUMO's clock */
  readonly arrivalTime: Float64Array
  /** m/s */
  readonly arrivalSpeed: Float64Array
  /** The same for a car that brakes from now on, m/s. */
  readonly brakingSpeed: Float64Array
  /** At the end of the lane behind the link, m/s. */
  readonly leaveSpeed: Float64Array

  constructor(cars: number, size: number) {
    const length = cars * size
    this.size = size
    this.count = new Int32Array(cars)
    this.lane = new Int32Array(length)
    this.seen = new Float64Array(length)
    this.pass = new Float64Array(length)
    this.wait = new Float64Array(length)
    this.request = new Uint8Array(length)
    this.arrivalTime = new Float64Array(length)
    this.arrivalSpeed = new Float64Array(length)
    this.brakingSpeed = new Float64Array(length)
    this.leaveSpeed = new Float64Array(length)
  }
}
