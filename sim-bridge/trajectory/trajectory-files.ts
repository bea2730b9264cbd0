import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '../../device/directory.ts'
import { encodeTrajectory, type Trajectory } from './trajectory.ts'

/** Name of a run's recorded epochs: files `trajectories/<name>.safetensors` of its directory. */
export const trajectoryNames = ['baseline', 'first', 'last'] as const
export type TrajectoryName = (typeof trajectoryNames)[number]

/** The file of a run's recorded epoch. */
export function trajectoryFile(runDirectory: string, name: TrajectoryName): string {
  return join(runDirectory, 'trajectories', `${name}.safetensors`)
}

/**
 * Keeps the baseline, the first epoch and the newest one in the run's directory. A file is replaced whole, but not synced:
 * no run needs it to go on. Trouble is told once and ends no run.
 */
export function createTrajectoryFiles(
  runDirectory: string,
  print: (line: string) => void,
): (trajectory: Trajectory) => void {
  let troubled = false
  return (trajectory) => {
    const names: TrajectoryName[] =
      trajectory.epoch === 0 ? ['baseline'] : trajectory.epoch === 1 ? ['first', 'last'] : ['last']
    const bytes = encodeTrajectory(trajectory)
    try {
      makeDirectory(join(runDirectory, 'trajectories'))
      for (const name of names) {
        const path = trajectoryFile(runDirectory, name)
        writeFileSync(`${path}.tmp`, bytes)
        renameSync(`${path}.tmp`, path)
      }
    } catch (error) {
      if (!troubled) print(`trajectories are not written: ${(error as Error).message}`)
      troubled = true
    }
  }
}
