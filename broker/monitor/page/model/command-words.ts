import type { CommandName, CommandReason, GateMode } from '../../../../schemas/command.ts'

/** What each command is called and does. */
export const commandWords: Readonly<Record<CommandName, { readonly title: string; readonly effect: string }>> = {
  pause: {
    title: 'Pause learning',
    effect: 'Learning and mixing rest; the car goes on driving with the policy that it has. Holds over a restart.',
  },
  resume: { title: 'Resume learning', effect: 'Learning and mixing go on.' },
  rollback: {
    title: 'Roll back',
    effect: 'Back to the last good policy, with value network and optimiser; considers nobody for one window.',
  },
  'gate-mode': {
    title: 'Set gate mode',
    effect: 'How others are judged from the next round on. Holds over a restart.',
  },
  reload: { title: 'Reload configuration', effect: 'Reads operators and configuration again, all of it or nothing.' },
  update: {
    title: 'Hand over an update',
    effect:
      'Leaves this order on the disk of the unit. The vehicle installs nothing itself: whoever does checks the signature again, and the bundle.',
  },
}

/** What each gate mode asks of a peer. */
export const gateModeWords: Readonly<Record<GateMode, string>> = {
  theorem1: 'theorem 1 as printed',
  strict: 'the stricter reading',
  certified: 'the mix itself must pass',
}

/** Why a vehicle refused a command, in plain words. */
export const refusalWords: Readonly<Record<CommandReason, string>> = {
  'over-size': 'The command was too long.',
  malformed: 'The command did not have the form that the vehicle expects.',
  'unsupported-version': 'The vehicle speaks another version.',
  'rate-limited': 'Too many commands came at once.',
  'unknown-operator': 'The vehicle does not know this operator.',
  'bad-signature': 'The key is not the one that the vehicle knows of this operator.',
  revoked: 'This operator, or the key, was revoked.',
  'wrong-fleet': 'The command was for another fleet.',
  'wrong-vehicle': 'The command was for another vehicle.',
  'wrong-name': 'The command came under another name.',
  'wrong-boot': 'The vehicle has started again since: look at its status, then send it anew.',
  'counter-reused': 'Another command of this operator had the same number.',
  replayed: "A later command of this operator came first: is this computer's clock behind?",
  'clock-not-synchronised': 'The command has an expiry and the vehicle has no clock that it can trust.',
  expired: 'The command came too late.',
  'unknown-command': 'The vehicle does not know this command.',
  'not-allowed': 'This operator may not give this command.',
  'not-applicable': 'The command does not fit how the vehicle learns.',
  'nothing-kept': 'The vehicle has kept no earlier policy.',
  'not-kept': 'The vehicle has not kept that policy.',
  'bad-configuration': 'The configuration is not valid: nothing was taken.',
  'restart-needed': 'The configuration differs in what only a restart takes: nothing was taken.',
  'not-stored': 'The vehicle could not write it to its disk.',
}
