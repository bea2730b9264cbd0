import type { Config } from '../../schemas/config.ts'
import type { Architecture, Engine } from '../core/engine.ts'

/** Makes engines for any architecture. */
export type CreateEngine = (architecture: Architecture) => Engine

/** Loads the code of the engine that the configuration names, and of no other. */
export async function loadEngine(name: Config['engine']): Promise<CreateEngine> {
  switch (name) {
    case 'wasm':
      return (await import('./wasm.ts')).createWasmEngine
    case 'reference':
      return (await import('./reference.ts')).createReferenceEngine
    case 'tensorflow':
      return (await import('./tensorflow.ts')).loadTensorflowEngine()
  }
}
