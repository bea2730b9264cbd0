import { ExitError } from '../schemas/exit.ts'
import type { Study } from '../schemas/study.ts'
import { checkStudy } from '../sim-bridge/experiment/study/jobs.ts'
import { readStudy } from './experiment-directory.ts'
import type { StudyChange } from './experiment-options.ts'

/** Epochs of `--quick`, and of all its jobs together, at most (but one seed). */
const quickEpochs = 12
const quickTotal = 700
const quickSeeds = 3

/** The study of a file as the command line changes it; ExitError 2 names file or flags, rule and value found. */
export function changedStudy(path: string, change: StudyChange): Study {
  const study = readStudy(path, (raw) => selected(raw, path, change.methods))
  const { config, seeds, quick } = change
  const runs = study.methods.length * (1 + (study.attacks?.length ?? 0))
  const fewSeeds = Math.max(1, Math.min(quickSeeds, Math.floor(quickTotal / (runs * quickEpochs))))
  return checkStudy(path, {
    ...study,
    seeds: seeds ?? (quick ? study.seeds.slice(0, fewSeeds) : study.seeds),
    config: { ...study.config, ...(quick && { epochs: quickEpochs }), ...config },
  })
}

/** The study with some of its methods only, before it is checked: what is not run need not be known. */
function selected(raw: unknown, path: string, labels: readonly string[] | undefined): unknown {
  if (labels === undefined || typeof raw !== 'object' || raw === null) return raw
  const { methods, references, ...rest } = raw as { methods?: unknown; references?: unknown }
  if (!Array.isArray(methods)) return raw
  const labelOf = (method: unknown): unknown => (method as { label?: unknown } | null)?.label
  for (const label of labels)
    if (!methods.some((method) => labelOf(method) === label))
      throw new ExitError(
        'usage',
        `--methods must be labels of ${path} (${methods.map(labelOf).join(', ')}), got ${label}`,
      )
  return {
    ...rest,
    methods: methods.filter((method) => labels.includes(String(labelOf(method)))),
    ...(Array.isArray(references) && { references: references.filter((label) => labels.includes(String(label))) }),
  }
}
