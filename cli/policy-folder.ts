import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { SafetensorsFile } from '../device/core/index.ts'
import { createWasmEngine } from '../device/engines/wasm.ts'
import { actionCount, featureCount, featureNames } from '../device/features.ts'
import { namesOf } from '../device/formats/named-policy.ts'
import { ExitError } from '../schemas/exit.ts'
import type { Setting } from '../schemas/setting.ts'
import type { LoadedPolicy } from '../sim-bridge/policy-controller.ts'
import { damagedUnless, policyOf, readTensorFile } from './tensor-file.ts'

/**
 * The policies `<vehicle>.safetensors` of a folder, by vehicle; ExitError 2 without any or where a file names another
 * observation or action than the setting, 4 where one does not fit it.
 */
export function readPolicies(folder: string, setting: Setting): Map<string, LoadedPolicy> {
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
  if (names.length === 0) throw new ExitError('usage', `${folder} must hold policy files (*.safetensors), got none`)
  const observationSize = featureCount(setting)
  const actionSize = actionCount(setting)
  return new Map(
    names.sort().map((name) => {
      const path = join(folder, name)
      const file = readTensorFile(path)
      const { architecture, policy } = policyOf(path, file)
      refuseOtherNames(path, file, setting)
      if (architecture.observationSize !== observationSize || architecture.actionSize !== actionSize)
        throw new ExitError(
          'damaged',
          `${path} must see ${observationSize} features and choose ${actionSize} action${actionSize > 1 ? 's' : ''}, got ${architecture.observationSize} and ${architecture.actionSize}`,
        )
      return [name.replace(/\.safetensors$/, ''), { engine: createWasmEngine(architecture), policy }]
    }),
  )
}

/** A file that says what its policy sees and does must say what the setting says; ExitError 2. */
function refuseOtherNames(path: string, file: SafetensorsFile, setting: Setting): void {
  const held = damagedUnless(path, () => namesOf(file))
  const wanted = featureNames(setting)
  if (held === undefined) return
  for (const part of ['observationNames', 'actionNames'] as const)
    if (held[part].join() !== wanted[part].join())
      throw new ExitError(
        'usage',
        `${path} must name the ${part === 'observationNames' ? 'observation' : 'action'} of --setting ${setting.name} (${wanted[part].join(', ')}), got ${held[part].join(', ')}`,
      )
}
