import type { UpdateReason } from '../../schemas/update.ts'

/** An update that does not come about: one word of the list, with rule and value found. */
export class Refusal extends Error {
  readonly reason: UpdateReason
  constructor(reason: UpdateReason, detail: string) {
    super(detail)
    this.name = 'Refusal'
    this.reason = reason
  }
}
