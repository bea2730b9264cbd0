/** Fixed data of one preset (`lab`: the public code of the letter's laboratory; `flow`: figureeight1 of the Flow project). */
export interface Preset {
  readonly name: 'lab' | 'flow'
  /** m/s */
  readonly speedLimit: number
  /** m/s² */
  readonly accel: number
  /** m/s² */
  readonly humanDecel: number
  /** m/s² */
  readonly learnerDecel: number
  /** m/s² */
  readonly accelerationLimit: number
}

export const presets: { readonly lab: Preset; readonly flow: Preset } = {
  lab: { name: 'lab', speedLimit: 20, accel: 1.5, humanDecel: 1.5, learnerDecel: 1.5, accelerationLimit: 1.5 },
  flow: { name: 'flow', speedLimit: 30, accel: 2.6, humanDecel: 1.5, learnerDecel: 4.5, accelerationLimit: 3 },
}
