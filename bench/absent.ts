/** What could not be measured, with the command that failed and what it said. */
export interface Absent {
  readonly name: string
  readonly command: string
  readonly reason: string
}
