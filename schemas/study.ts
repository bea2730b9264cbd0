import type { FromSchema } from 'json-schema-to-ts'
import { count, finite, hash, id, version } from './common.ts'
import { type Config, configSchema } from './config.ts'
import { type Validator, validatorOf } from './validator.ts'

/** Part of a configuration, as in a configuration file. */
const settings = {
  type: 'object',
  additionalProperties: false,
  properties: configSchema.properties,
} as const
const seeds = { type: 'array', minItems: 1, maxItems: 100000, uniqueItems: true, items: count } as const
const sims = ['embedded', 'sumo'] as const
const label = { type: 'string', pattern: '^[A-Za-z0-9._+-]{1,40}$' } as const

/** Who publishes something else than what it has learned, and what. */
export const attackKinds = ['random', 'sign-flip', 'nan', 'scale', 'stale', 'drift', 'optimised'] as const
export type AttackKind = (typeof attackKinds)[number]

/**
 * A study: every method (and attack) over every seed. Equal seeds mean equal decision intervals, initial weights and noise, so
 * that differences of methods are paired.
 */
export const studySchema = {
  $id: 'study',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'name', 'seeds', 'config', 'methods'],
  properties: {
    version,
    name: label,
    title: { type: 'string', maxLength: 200 },
    seeds,
    /** What all jobs share: setting, preset, epochs, sim, … */
    config: settings,
    /** What distinguishes the jobs: the label of a line in every figure, and its part of the configuration. */
    methods: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['label', 'config'],
        properties: { label, config: settings },
      },
    },
    /** Every method is run without an attack, and once for each of these. */
    attacks: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['kind', 'attackers'],
        properties: { kind: { enum: attackKinds }, attackers: { type: 'integer', minimum: 1, maximum: 39 } },
      },
    },
    /**
     * After training, policies drive epochs without learning and without exploration, each from starts of its own, in each of
     * the worlds.
     */
    evaluation: {
      type: 'object',
      additionalProperties: false,
      required: ['episodes', 'startJitter', 'sims'],
      properties: {
        episodes: { type: 'integer', minimum: 1, maximum: 1000 },
        /** Each car starts up to so far from its even place, m. */
        startJitter: { type: 'number', minimum: 0, maximum: 10 },
        sims: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: sims } },
      },
    },
    /** Controllers drawn as lines: `drivers` or a name that --controller takes. */
    lines: { type: 'array', items: { type: 'string' } },
    /** Labels that every other method is compared with, paired by seed. */
    references: { type: 'array', items: label },
  },
} as const

export type Study = Omit<FromSchema<typeof studySchema>, 'config' | 'methods'> & {
  readonly config: Partial<Config>
  readonly methods: readonly { readonly label: string; readonly config: Partial<Config> }[]
}
export const validateStudy = validatorOf(studySchema) as unknown as Validator<Study>

/** One training run of a study. */
export interface StudyJob {
  /** `<label>[@<attack>-<attackers>]-seed<seed>`, the name of its files. */
  readonly id: string
  readonly label: string
  readonly seed: number
  readonly attack: { readonly kind: AttackKind; readonly attackers: number } | null
  /** The whole configuration that is run. */
  readonly config: Config
  readonly evaluation?: NonNullable<Study['evaluation']>
}

/** What drives the learners of an evaluation: the simulator's driver, an action of full throttle, policies before and after. */
export const drivenBy = ['drivers', 'full-throttle', 'untrained', 'trained'] as const

const numbers = { type: 'array', items: finite } as const
const square = { type: 'array', items: { type: 'array', items: count } } as const

/** What one job found; deterministic, so that equal jobs give equal bytes. */
export const jobResultSchema = {
  $id: 'job-result',
  type: 'object',
  additionalProperties: false,
  required: [
    'version',
    'id',
    'label',
    'seed',
    'attack',
    'jobHash',
    'vehicles',
    'attackers',
    'intervalsS',
    'samples',
    'baseline',
    'epochs',
    'considered',
    'referred',
    'accepted',
    'verdicts',
    'mixes',
    'divergence',
    'policies',
  ],
  properties: {
    version,
    id: { type: 'string' },
    label,
    seed: count,
    attack: {
      anyOf: [
        {
          type: 'object',
          additionalProperties: false,
          required: ['kind', 'attackers'],
          properties: { kind: { enum: attackKinds }, attackers: count },
        },
        { type: 'null' },
      ],
    },
    /** SHA-256 of the job's description in canonical JSON: a changed job does not take an old result. */
    jobHash: hash,
    /** Learners in code-unit order of ids; rows and columns of every matrix. */
    vehicles: { type: 'array', items: id },
    attackers: { type: 'array', items: id },
    intervalsS: numbers,
    samples: { type: 'array', items: count },
    /** Mean speed of the drivers alone, m/s. */
    baseline: finite,
    epochs: {
      type: 'object',
      additionalProperties: false,
      required: ['meanSpeed', 'nas', 'worstLearner', 'collisions', 'forcedBrakings'],
      properties: {
        /** Mean of all cars, m/s. */
        meanSpeed: numbers,
        nas: numbers,
        /** Lowest mean speed of a learner, m/s. */
        worstLearner: numbers,
        /** Colliding pairs that began. */
        collisions: { type: 'array', items: count },
        /** Steps of learners in which safety lowered a command. */
        forcedBrakings: { type: 'array', items: count },
      },
    },
    /** [i][j]: how often i judged j; found A > 0 (the letter's Fig. 4); accepted it. */
    considered: square,
    referred: square,
    accepted: square,
    /** Verdicts by reason. */
    verdicts: { type: 'object', additionalProperties: count },
    /** At most 2,000 considered mixes, spread evenly over the run. */
    mixes: {
      type: 'array',
      maxItems: 2000,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['epoch', 'own', 'peer', 'accepted', 'alpha', 'advantage', 'standardError', 'fisher', 'kl', 'M'],
        properties: {
          epoch: count,
          /** Index of the vehicle that judged; the judged one, −1: the aggregate. */
          own: count,
          peer: { type: 'integer', minimum: -1 },
          accepted: { type: 'boolean' },
          alpha: { type: ['number', 'null'] },
          /** Ā and its standard error. */
          advantage: { type: ['number', 'null'] },
          standardError: { type: ['number', 'null'] },
          fisher: { type: ['number', 'null'] },
          kl: { type: ['number', 'null'] },
          M: { type: ['integer', 'null'] },
        },
      },
    },
    /** At a few epochs: [i][j] = mean KL(π_i ‖ π_j) over states of i. */
    divergence: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['epoch', 'kl'],
        properties: { epoch: count, kl: { type: 'array', items: numbers } },
      },
    },
    /** How each of `drivenBy` drove the same starts, world by world. */
    evaluation: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['sim', 'drivenBy', 'meanSpeed', 'worstLearner', 'collisions'],
        properties: {
          sim: { enum: sims },
          drivenBy: { enum: drivenBy },
          /** Of all cars, by episode, m/s. */
          meanSpeed: numbers,
          worstLearner: numbers,
          collisions: { type: 'array', items: count },
        },
      },
    },
    /** policyHash of every learner at the end. */
    policies: { type: 'object', additionalProperties: hash },
  },
} as const

export type JobResult = FromSchema<typeof jobResultSchema>
export const validateJobResult = validatorOf(jobResultSchema)

/** A line in the figures: how a controller drives this world. */
export interface StudyLine {
  readonly name: string
  readonly meanSpeed: number
  readonly collisions: number
}

/** All that a report is made of. */
export interface StudyResults {
  readonly study: Study
  readonly jobs: readonly JobResult[]
  readonly lines: readonly StudyLine[]
  /** Versions of what ran: trustmix, engine, Node's major version. */
  readonly software: Readonly<Record<string, string>>
}
