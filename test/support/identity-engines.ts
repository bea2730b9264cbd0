import type { Architecture, Engine } from '../../device/core/engine.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { createWasmEngine } from '../../device/engines/wasm.ts'

/** The engines that promise the same bits on every processor, by name. */
export const identityEngines: Readonly<Record<string, (architecture: Architecture) => Engine>> = {
  reference: createReferenceEngine,
  wasm: createWasmEngine,
}
