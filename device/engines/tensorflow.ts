import { createRequire } from 'node:module'
import { ExitError } from '../../schemas/exit.ts'
import type { CreateEngine } from './index.ts'
import { createTensorflowEngine } from './tensorflow-engine.ts'
import type { Tensorflow } from './tensorflow-network.ts'

const NATIVE = '@tensorflow/tfjs-node'
const PORTABLE = '@tensorflow/tfjs'
const WASM_BACKEND = '@tensorflow/tfjs-backend-wasm'

/**
 * Engines on TensorFlow.js as it is installed beside the file `from`: `@tensorflow/tfjs-node`, else `@tensorflow/tfjs` on
 * its `wasm` backend where `@tensorflow/tfjs-backend-wasm` is there too, else on `cpu`. A backend belongs to the process:
 * load one. ExitError 3 where neither package is installed or where the one that is does not load.
 */
export async function loadTensorflowEngine(from: string | URL = import.meta.url): Promise<CreateEngine> {
  const tf = await loadTensorflow(createRequire(from))
  return (architecture) => createTensorflowEngine(tf, architecture)
}

async function loadTensorflow(require: NodeJS.Require): Promise<Tensorflow> {
  const name = [NATIVE, PORTABLE].find((candidate) => isInstalled(require, candidate))
  if (name === undefined) {
    throw new ExitError(
      'unreachable',
      `engine tensorflow needs a package that is not installed: npm i ${NATIVE} (native), or npm i ${PORTABLE}`,
    )
  }
  try {
    const tf: Tensorflow = require(name)
    tf.enableProdMode() // or the cpu backend advertises itself on the console
    let backend = 'tensorflow'
    if (name === PORTABLE) {
      backend = isInstalled(require, WASM_BACKEND) ? 'wasm' : 'cpu'
      if (backend === 'wasm') require(WASM_BACKEND)
    }
    if (!(await tf.setBackend(backend))) throw new Error(`backend ${backend} does not start`)
    await tf.ready()
    return tf
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split('\n')
    throw new ExitError('unreachable', `engine tensorflow: ${name} is installed but does not load: ${reason}`)
  }
}

function isInstalled(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}
