import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEngine } from '../../device/engines/index.ts'
import type { Absent } from '../absent.ts'
import type { Figure } from '../measure.ts'
import { localEpochs } from '../simulation.ts'
import { engineNames } from './engines.ts'
import { compareEstimators, type EstimatorReport } from './estimators.ts'
import { type FieldFigure, runField, startField } from './field.ts'
import { footprint } from './footprint.ts'
import { type LatenessRow, lateness } from './lateness.ts'
import { type ScalingRow, scaling } from './scaling.ts'
import * as tables from './tables.ts'
import { drawWorkload, saveWorkload } from './workload.ts'

export interface CoreReport {
  readonly contenders: readonly ContenderFacts[]
  readonly field: readonly FieldFigure[]
  readonly estimators: EstimatorReport
  readonly scaling: readonly ScalingRow[]
  readonly lateness: readonly LatenessRow[]
  readonly figures: readonly Figure[]
  readonly absent: readonly Absent[]
}

/** What a contender said of itself, and what its process took to its first action. */
export interface ContenderFacts {
  readonly name: string
  readonly about: string
  readonly startMs: number
  readonly startCpuMs: number
  readonly megabytes: number
}

/** Group `core`: our engines beside the field, estimators, scaling, footprint, lateness, whole epochs. */
export async function coreGroup(
  quick: boolean,
  cleanrl: string | undefined,
  print: (lines: readonly string[]) => void,
): Promise<CoreReport> {
  const workload = drawWorkload()
  const folder = mkdtempSync(join(tmpdir(), 'trustmix-bench-'))
  try {
    saveWorkload(workload, folder)
    const started = await startField(folder, quick, cleanrl)
    const contenders = started.peers.map(({ name, about, startMs, cpuMs, residentBytes }) => ({
      ...{ name, about, startMs, startCpuMs: cpuMs, megabytes: residentBytes / 1e6 },
    }))
    print(tables.contenders(contenders))
    const running = engineNames.filter((engine) => contenders.some(({ name }) => name === engine))
    const { figures: field, absent } = await runField(started, workload, quick, (...rows) =>
      print(tables.field(...rows)),
    )
    await started.close()
    const estimators = compareEstimators(quick)
    print(tables.estimators(estimators))
    const createEngine = await loadEngine(engineNames[0])
    const scales = scaling(createEngine, quick)
    print(tables.scaling(scales))
    const late = await lateness(createEngine, workload, quick)
    print(tables.lateness(late))
    const figures = [...(await footprint(running, quick)), ...(await localEpochs(quick))]
    return {
      ...{ contenders, field, estimators, scaling: scales, lateness: late, figures },
      absent: [...started.absent, ...absent],
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
