import { join } from 'node:path'
import type { Contender } from './contender.ts'
import { loadModule } from './load-module.ts'
import type { Workload } from './workload.ts'

interface Ort {
  readonly InferenceSession: {
    create(path: string, options: object): Promise<{ run(feeds: object): Promise<Readonly<Record<string, OrtTensor>>> }>
  }
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OrtTensor
}

interface OrtTensor {
  readonly data: Float32Array
}

/** onnxruntime-node, one thread: inference only. Rejects where the package is not found. */
export async function onnxruntimeNode({ batch }: Workload, folder: string): Promise<Contender> {
  const { module, version } = await loadModule<Ort>('onnxruntime-node')
  const session = await module.InferenceSession.create(join(folder, 'policy.onnx'), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  })
  const tensor = new module.Tensor('float32', Float32Array.from(batch.observations.subarray(0, 6)), [1, 6])
  const mean = async () => (await session.run({ observation: tensor })).action!.data
  return { about: `onnxruntime-node ${version}, CPU, 1 thread`, tasks: { inference: { run: mean, result: mean } } }
}
