import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { actions } from './provision/actions.ts'
import { describeToolOptions } from './tool-options.ts'

/** Keys, certificates, roster and unit files of a fleet (docs/trust.md). */
export const provisionCommand: Command = {
  help: `trustmix provision: keys, certificates, roster and unit files of a fleet; docs/trust.md goes through it.

${Object.values(actions)
  .map(({ usage, spec }) => `Usage: trustmix provision ${usage} [OPTIONS]\n\n${describeToolOptions(spec)}`)
  .join('\n\n')}

The passphrase of the fleet's keys comes from --passphrase-file, TRUSTMIX_PASSPHRASE, or the terminal.
Exit codes: 2 bad usage, 3 a server or the certificate library not there, 4 damaged files or a refused enrolment.`,
  async run(args, io) {
    const [name = '', ...rest] = args
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (!action)
      throw new ExitError(
        'usage',
        `provision needs one of ${Object.keys(actions).join(', ')}, got ${name || 'nothing'}; see trustmix provision --help`,
      )
    const flag = rest.findIndex((word) => word.startsWith('--'))
    const words = flag < 0 ? rest : rest.slice(0, flag)
    await action.run(words, flag < 0 ? [] : rest.slice(flag), io)
    return exitCodes.ok
  },
}
