import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { commands } from '../cli/commands.ts'
import { ExitError } from '../schemas/exit.ts'
import { formats, writtenPolicies } from './support/policies.ts'

/** Imports and says how it ended: the printed object, or the ExitError; anything else thrown fails the test. */
async function attempt(path: string, out: string): Promise<Record<string, unknown> | ExitError> {
  const command = await commands.policy?.load()
  let printed = ''
  try {
    await command?.run(['import', path, '--out', out, '--json'], {
      ...{ software: 'test', stopped: new Promise<void>(() => {}), interrupts() {}, tell() {}, print() {} },
      output: (text) => {
        printed += text
      },
    })
  } catch (error) {
    if (error instanceof ExitError) return error
    throw error
  }
  return JSON.parse(printed)
}

/** Weights at every byte, text and structure here and there: an odd stride meets every bit of a byte. */
const strides = { tfjs: 7, onnx: 3, safetensors: 3, weights: 1 } as const

for (const name of [...formats, 'weights'] as const)
  t.test(`${name}: cut anywhere it is refused as damaged`, async (t) => {
    const files = await writtenPolicies(t)
    const whole = readFileSync(files[name])
    const path = name === 'weights' ? files.tfjs : files[name]
    // The last byte of model.json is the end of its last line.
    const end = name === 'tfjs' ? whole.length - 1 : whole.length
    for (let length = 0; length < end; length += strides[name]) {
      writeFileSync(files[name], whole.subarray(0, length))
      const ended = await attempt(path, join(files.directory, 'out'))
      if (!(ended instanceof ExitError && ended.code === 4)) t.fail(`${length} bytes: ${JSON.stringify(ended)}`)
    }
    writeFileSync(files[name], whole)
    t.notOk((await attempt(path, join(files.directory, 'out'))) instanceof ExitError)
  })

for (const name of [...formats, 'weights'] as const)
  t.test(`${name}: a flipped bit is refused or changes nothing of the policy`, async (t) => {
    const files = await writtenPolicies(t)
    const path = name === 'weights' ? files.tfjs : files[name]
    const out = join(files.directory, 'out')
    const { files: _, ...wanted } = (await attempt(path, out)) as Record<string, unknown>
    const whole = readFileSync(files[name])
    let refused = 0
    for (let i = 0; i < whole.length; i += strides[name]) {
      const bytes = Buffer.from(whole)
      bytes[i] = (bytes[i] as number) ^ (1 << (i % 8))
      writeFileSync(files[name], bytes)
      const ended = await attempt(path, out)
      if (ended instanceof ExitError) {
        refused += 1
        // Where the names' own keys are hit, names are missing, which is a matter of usage.
        if (ended.code !== 4 && !/holds no names/.test(ended.message)) t.fail(`bit of byte ${i}: ${ended.message}`)
      } else {
        const { files: _, ...found } = ended
        if (JSON.stringify(found) !== JSON.stringify(wanted)) t.fail(`bit of byte ${i}: ${JSON.stringify(ended)}`)
      }
    }
    const tried = Math.ceil(whole.length / strides[name])
    t.comment(`${refused} of ${tried} refused`)
    t.ok(refused >= (name === 'weights' ? tried : 0.5 * tried))
  })
