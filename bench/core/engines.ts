import type { Architecture, Engine } from '../../device/core/index.ts'

/** Our engines by name, the one that devices use first. */
export const engineNames = ['wasm', 'reference'] as const

/** Loads an engine; only its own modules, so that start-up and memory are its own. Throws where the name is unknown. */
export async function loadEngine(name: string): Promise<(architecture: Architecture) => Engine> {
  if (name === 'wasm') return (await import('../../device/engines/wasm.ts')).createWasmEngine
  if (name === 'reference') return (await import('../../device/engines/reference.ts')).createReferenceEngine
  throw new Error(`engine must be one of ${engineNames.join(', ')}, got ${name}`)
}
