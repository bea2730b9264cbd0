import type { AlarmKind } from '../../../../schemas/health.ts'
import type { Reason } from '../../../../schemas/reason.ts'

/** Why a policy was taken or not, in plain words: a few, and a sentence. */
export const reasonWords: Readonly<Record<Reason, { readonly short: string; readonly long: string }>> = {
  accepted: {
    short: 'accepted',
    long: "Its own samples speak for the peer's policy, which was mixed in as far as the bound allows.",
  },
  'non-positive-advantage': {
    short: 'no advantage',
    long: "Its own samples do not speak for the peer's policy: the estimated advantage A is not above 0.",
  },
  'below-lower-bound': {
    short: 'not sure enough',
    long: 'The advantage may be chance: its lower confidence bound does not exceed the penalty for the change.',
  },
  'low-effective-sample-size': {
    short: 'too few comparable samples',
    long: 'The mixed policy differs so much from what drove the samples that too few of them still count.',
  },
  'too-few-samples': { short: 'too few samples', long: 'It has not driven enough yet to judge anybody.' },
  identical: { short: 'identical', long: 'The two policies are the same: there is nothing to mix.' },
  'non-finite': { short: 'not finite', long: 'Something in the policy or in the evidence is not a finite number.' },
  'shape-mismatch': { short: 'other shape', long: 'The policy has other inputs, outputs or sizes than its own.' },
  malformed: { short: 'malformed', long: 'The message does not have the form of parameters.' },
  'unsupported-version': { short: 'other version', long: 'The message has a format version that is not understood.' },
  'unknown-peer': { short: 'unknown peer', long: 'No key is known for this sender.' },
  'wrong-sender': { short: 'wrong sender', long: 'The message came on the topic of somebody else.' },
  'bad-signature': { short: 'bad signature', long: 'The signature does not hold: forged, or altered on its way.' },
  revoked: { short: 'revoked', long: 'The roster has put the sender out of the fleet.' },
  replayed: { short: 'replayed', long: 'The message is not newer than the last one of this sender.' },
  stale: { short: 'stale', long: 'The broker had kept the message: it says nothing about the present.' },
  'clock-not-synchronised': { short: 'no clock', long: 'It cannot be judged without a clock that is right.' },
  'over-size': { short: 'too large', long: 'The message is larger than its topic allows.' },
  'rate-limited': { short: 'too many', long: 'There were more messages than are judged.' },
  missing: { short: 'missing', long: "The peer's parameters did not come in time." },
  control: { short: 'by control', long: 'A control method decided by something other than the advantage.' },
  'too-few-policies': { short: 'too few policies', long: 'Too few policies came for a rule that survives bad ones.' },
  'zero-weight': { short: 'no weight', long: "The rule of this round gave the peer's policy no part." },
}

/** What an alarm of each kind is called. */
export const alarmWords: Readonly<Record<AlarmKind, string>> = {
  offline: 'Offline',
  late: 'Late',
  'non-finite': 'Not finite',
  refused: 'Parameters refused',
  shed: 'Messages dropped',
  collapse: 'Return collapsed',
  fault: 'Fault',
}
