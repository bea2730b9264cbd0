import type { RecordTopic } from '../../schemas/record.ts'

/**
 * What stands at the ports of a device and sees everything that goes in and out: the recorder writes it down, the replay
 * compares it with what was written down.
 */
export interface Tap {
  /** Something happens to the device: `work` is what the device does about it. */
  input<T>(topic: InputTopic, body: () => object, work: () => T): T
  /** The device does something. */
  output(topic: RecordTopic, body: object): void
  /** The device wants to know something of the world around it. */
  asked<T extends string | number | null>(what: Question, of: string, ask: () => T): T
  /** Time of the input that is dealt with: it stands still until the next one, so that one number tells it. */
  readonly now: number
  /** The connection as it was when the input came. */
  readonly link: Link
  /** Between the steps of learning. */
  pause(): Promise<void> | undefined
}

export type InputTopic = Extract<RecordTopic, `/in/${string}`>
export type Question =
  | 'wallClock'
  | 'sign'
  | 'verify'
  | 'revoked'
  | 'vitals'
  | 'save'
  | 'clock'
  | 'operator'
  | 'keep'
  | 'reload'
  | 'update'
  | 'lastUpdate'
export interface Link {
  readonly connected: boolean
  readonly connections: number
}
