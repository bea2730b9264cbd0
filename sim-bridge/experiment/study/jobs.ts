import { sha256 } from '../../../device/identity.ts'
import { type Config, type ConfigKey, defaultConfig } from '../../../schemas/config.ts'
import { hilProperties } from '../../../schemas/config-hil.ts'
import { monitorProperties } from '../../../schemas/config-monitor.ts'
import { recorderProperties } from '../../../schemas/config-recorder.ts'
import { trustProperties } from '../../../schemas/config-trust.ts'
import { unitProperties } from '../../../schemas/config-unit.ts'
import { ExitError } from '../../../schemas/exit.ts'
import { settingOf } from '../../../schemas/setting-of.ts'
import { type Study, type StudyJob, validateStudy } from '../../../schemas/study.ts'
import { formatVersion } from '../../../schemas/validator.ts'
import { scenarioOf } from '../../worlds.ts'
import { canonicalJson } from './canonical.ts'

/** Keys that a study gives elsewhere, or that a run in one process has no use for, each with the reason. */
const refusedKeys: Readonly<Partial<Record<keyof Config, string>>> = {
  seed: 'seeds lists them',
  run: 'jobs have names of their own',
  runDir: '--run-dir says where',
  resume: 'jobs that are done are kept anyway',
  controller: 'lines lists controllers',
  realtime: 'jobs run in lock-step',
  faults: 'jobs have no network',
}

/** Checks a study as read from a file; ExitError 2 names source, path, rule and value found. */
export function checkStudy(source: string, value: unknown): Study {
  const validated = validateStudy(value)
  if (!validated.ok) throw new ExitError('usage', `${source}: ${validated.detail}`)
  const study = validated.value
  const labels = study.methods.map(({ label }) => label)
  const refuse = (rule: string): never => {
    throw new ExitError('usage', `${source}: ${rule}`)
  }
  for (const [i, label] of labels.entries())
    if (labels.indexOf(label) !== i) refuse(`labels of methods must differ, got ${label} twice`)
  const attacks = (study.attacks ?? []).map(nameOfAttack)
  for (const [i, attack] of attacks.entries())
    if (attacks.indexOf(attack) !== i) refuse(`attacks must differ, got ${attack} twice`)
  for (const reference of study.references ?? [])
    if (!labels.includes(reference))
      refuse(`references must be labels of methods (${labels.join(', ')}), got ${reference}`)
  for (const { path, config } of [{ path: 'config', config: study.config }, ...pathsOf(study)]) {
    for (const [key, reason] of Object.entries(refusedKeys))
      if (Object.hasOwn(config, key)) refuse(`${path} must not set ${key} (${reason})`)
    const { engine } = config
    if (engine !== undefined && engine !== 'wasm')
      refuse(`${path}/engine must be wasm, the same bits everywhere, got ${engine}`)
  }
  for (const method of study.methods) checkConfig(study, method, refuse)
  return study
}

/**
 * All jobs of a study, seed by seed, so that shards of every n-th job have all methods: within a seed method by method,
 * without an attack first.
 */
export function expandStudy(study: Study): StudyJob[] {
  return study.seeds.flatMap((seed) =>
    study.methods.flatMap(({ label, config }) =>
      [null, ...(study.attacks ?? [])].map((attack) => ({
        id: `${label}${attack ? `@${nameOfAttack(attack)}` : ''}-seed${seed}`,
        label,
        seed,
        attack,
        config: { ...defaultConfig, ...study.config, ...config, seed },
        ...(study.evaluation && { evaluation: study.evaluation }),
      })),
    ),
  )
}

/**
 * SHA-256 of all that a job's result depends on, as canonical JSON. Keys of units and their bench are left out where they
 * have their defaults, so that a new one gives no published job another hash.
 */
export function jobHash(job: StudyJob): string {
  const config = Object.entries(job.config).filter(
    ([key, value]) => !(key in unitKeys && JSON.stringify(value) === JSON.stringify(defaultConfig[key as ConfigKey])),
  )
  return sha256(canonicalJson({ version: formatVersion, ...job, config: Object.fromEntries(config) }))
}

const unitKeys = {
  ...unitProperties,
  ...trustProperties,
  ...recorderProperties,
  ...hilProperties,
  ...monitorProperties,
}

function nameOfAttack({ kind, attackers }: { kind: string; attackers: number }): string {
  return `${kind}-${attackers}`
}

function pathsOf({ methods }: Study): { path: string; config: Partial<Config> }[] {
  return methods.map(({ label, config }) => ({ path: `methods/${label}/config`, config }))
}

/** What only the whole configuration of a job shows. */
function checkConfig(study: Study, { label, config }: Study['methods'][number], refuse: (rule: string) => never): void {
  const whole = { ...defaultConfig, ...study.config, ...config }
  const within = <T>(check: () => T): T => {
    try {
      return check()
    } catch (error) {
      return refuse(`method ${label}: ${(error as Error).message}`)
    }
  }
  within(() => settingOf(whole))
  if (whole.sim === 'sumo' && whole.crossing !== 'priority')
    refuse(`method ${label}: crossing must be priority with sim sumo, got ${whole.crossing}`)
  const learners = within(() => scenarioOf(whole)).learners.length
  if (learners < 1) refuse(`method ${label}: a study needs learners, got 0`)
  for (const { kind, attackers } of study.attacks ?? [])
    if (attackers >= learners)
      refuse(`attackers of ${kind} must be fewer than the learners (${learners}), got ${attackers}`)
}
