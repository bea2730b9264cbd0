import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SafetensorsFile } from '../device/core/index.ts'
import { featureNames } from '../device/features.ts'
import { type ExchangeFormat, exchangeFormats } from '../device/formats/detect.ts'
import { type NamedPolicy, namedPolicy, namesOf, policyFile } from '../device/formats/named-policy.ts'
import { encodeOnnx } from '../device/formats/onnx-encoder.ts'
import { encodeLayersModel, weightsFile } from '../device/formats/tfjs.ts'
import { policyHash } from '../device/identity.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import { type SettingName, settings } from '../schemas/setting.ts'
import { readPolicyFile } from './policy-source.ts'
import { damagedUnless, writeOutput, writeTensorFile } from './tensor-file.ts'
import { readToolOptions, type ToolOption } from './tool-options.ts'

const common = {
  setting: {
    kind: 'choice',
    choices: Object.keys(settings) as SettingName[],
    description: 'whose names of observations and actions count where the file holds none',
  },
  changed: { kind: 'flag', description: 'weights may have changed since policyHash was written: do not compare them' },
  json: { kind: 'flag', description: 'print one JSON object' },
} as const satisfies Record<string, ToolOption>

export const exportSpec = {
  format: { kind: 'choice', choices: exchangeFormats, required: true, description: 'what to write' },
  out: { kind: 'text', placeholder: 'PATH', required: true, description: 'file to write; tfjs: folder' },
  ...common,
} as const satisfies Record<string, ToolOption>

export const importSpec = {
  format: { kind: 'choice', choices: exchangeFormats, description: 'what PATH is (default: told from the content)' },
  out: { kind: 'text', required: true, description: 'policy file to write (safetensors)' },
  ...common,
} as const satisfies Record<string, ToolOption>

/** `policy export`: a policy file as tfjs layers-model, ONNX model or safetensors, with the names of what it sees and does. */
export function exportPolicy(args: readonly string[], output: (text: string) => void): number {
  const { path, rest } = takePath('export', exportSpec, args)
  const options = readToolOptions('policy', exportSpec, rest)
  const { file } = readPolicyFile(path)
  const named = policyWithNames(path, file, options)
  const format = options.format as ExchangeFormat
  const files = write(named, format, options.out)
  output(report(named, format, files, options.json))
  return exitCodes.ok
}

/** `policy import`: the reverse; the format is told from the content unless it is given. */
export function importPolicy(args: readonly string[], output: (text: string) => void): number {
  const { path, rest } = takePath('import', importSpec, args)
  const options = readToolOptions('policy', importSpec, rest)
  const { file, format } = readPolicyFile(path, options.format as ExchangeFormat | undefined)
  const named = policyWithNames(path, file, options)
  writeTensorFile(options.out, policyFile(named))
  output(report(named, format, [options.out], options.json))
  return exitCodes.ok
}

/** Takes the one argument that belongs to no flag out of the command line. */
function takePath(
  action: string,
  spec: Record<string, ToolOption>,
  args: readonly string[],
): { path: string; rest: string[] } {
  const options = Object.fromEntries(
    Object.entries(spec).map(([name, { kind }]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' } as const]),
  )
  // What is wrong with the flags is said by `readToolOptions`.
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  const [first, ...more] = tokens.filter((token) => token.kind === 'positional')
  if (!first || more.length > 0)
    throw new ExitError('usage', `policy ${action} needs one path, got ${first ? `${1 + more.length}` : 'none'}`)
  return { path: first.value, rest: args.filter((_, i) => i !== first.index) }
}

function policyWithNames(
  path: string,
  file: SafetensorsFile,
  { setting, changed }: { readonly setting: string | undefined; readonly changed: boolean },
): NamedPolicy {
  const held = damagedUnless(path, () => namesOf(file))
  const named = setting === undefined ? undefined : featureNames(settings[setting as SettingName])
  const names = held ?? named
  if (!names)
    throw new ExitError(
      'usage',
      `${path} holds no names of observations and actions: one of --setting ${Object.keys(settings).join(', ')} is needed, got none`,
    )
  if (held && named && JSON.stringify(held) !== JSON.stringify(named))
    throw new ExitError('usage', `--setting ${setting} must name what ${path} names, ${JSON.stringify(held)}`)
  return damagedUnless(path, () => namedPolicy(file, names, changed))
}

/** Returns the files written. */
function write(named: NamedPolicy, format: ExchangeFormat, out: string): string[] {
  if (format === 'tfjs') {
    const { model, weights } = encodeLayersModel(named)
    const files = [join(out, 'model.json'), join(out, weightsFile)] as const
    // The weights first: a model.json that is there has its weights.
    writeOutput(files[1], weights)
    writeOutput(files[0], model)
    return [...files]
  }
  if (format === 'onnx') writeOutput(out, encodeOnnx(named))
  else writeTensorFile(out, policyFile(named))
  return [out]
}

function report(
  { architecture, policy, observationNames, actionNames }: NamedPolicy,
  format: ExchangeFormat,
  files: readonly string[],
  json: boolean,
): string {
  const hash = policyHash(policy)
  if (!json) return `${files.join(' ')}  ${hash}\n`
  return `${JSON.stringify({ policyHash: hash, architecture, observationNames, actionNames, format, files })}\n`
}
