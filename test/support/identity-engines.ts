import type { CreateEngine } from '../../device/engines/index.ts'
import { createReferenceEngine } from '../../device/engines/reference.ts'
import { createWasmEngine } from '../../device/engines/wasm.ts'

/** The engines that promise the same bits on every processor, by name. */
export const identityEngines: Readonly<Record<string, CreateEngine>> = {
  reference: createReferenceEngine,
  wasm: createWasmEngine,
}
