import { ExitError } from '../../schemas/exit.ts'
import type { CreateEngine } from './index.ts'

/** The engine on TensorFlow.js. */
export async function loadTensorflowEngine(): Promise<CreateEngine> {
  throw new ExitError('usage', 'engine tensorflow is not in this build')
}
