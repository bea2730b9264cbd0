import { type Config, defaultConfig } from '../schemas/config.ts'
import { usesLinks } from '../schemas/config-methods.ts'
import { ExitError } from '../schemas/exit.ts'
import { settingOf } from '../schemas/setting-of.ts'

/** ExitError 2 where options of a run contradict each other or one would do nothing without another. */
export function refuseConflicts(config: Config): void {
  settingOf(config)
  const { serve, controller, followStdin, idleTimeoutS, realtime, rtf, sim, method, linkProbability } = config
  if (serve && controller !== null)
    throw new ExitError('usage', `one of --serve and --controller can be given, got --serve and ${controller}`)
  if (followStdin && !serve) throw new ExitError('usage', '--follow-stdin needs --serve, got it alone')
  if (idleTimeoutS !== defaultConfig.idleTimeoutS && !serve)
    throw new ExitError('usage', `--idle-timeout-s needs --serve, got ${idleTimeoutS} without it`)
  if (rtf !== 1 && !realtime) throw new ExitError('usage', `--rtf needs --realtime, got ${rtf} without it`)
  if (linkProbability !== 1 && !usesLinks(method))
    throw new ExitError(
      'usage',
      `--link-probability needs a method that takes policies from peers, got ${linkProbability} with ${method}`,
    )
  const timed = timedFlags(config)
  if ((serve || controller !== null) && timed.length > 0)
    throw new ExitError(
      'usage',
      `${serve ? '--serve' : '--controller'} drives without devices, got it with ${timed.join(' and ')}`,
    )
  if (sim !== 'sumo' && config.sumoGui) throw new ExitError('usage', `--sumo-gui needs --sim sumo, got --sim ${sim}`)
  if (sim !== 'sumo' && config.sumoPort !== null)
    throw new ExitError('usage', `--sumo-port needs --sim sumo, got --sim ${sim}`)
}

/** The options given that say how devices keep the time. */
function timedFlags({ realtime, judge, faults, report, deadlineMs }: Config): string[] {
  return [
    ...(realtime ? ['--realtime'] : []),
    ...(judge ? ['--judge'] : []),
    ...(faults !== null ? ['--faults'] : []),
    ...(report !== null ? ['--report'] : []),
    ...(deadlineMs !== null ? ['--deadline-ms'] : []),
  ]
}
