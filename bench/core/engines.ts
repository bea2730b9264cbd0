import type { Architecture, Engine } from '../../device/core/index.ts'

/** Our engines by name, the one that devices use first. */
export const engineNames = ['reference'] as const

/** Loads an engine; only its own modules, so that start-up and memory are its own. Throws where the name is unknown. */
export async function createEngine(name: string, architecture: Architecture): Promise<Engine> {
  if (name === 'reference') {
    const { createReferenceEngine } = await import('../../device/engines/reference.ts')
    return createReferenceEngine(architecture)
  }
  throw new Error(`engine must be one of ${engineNames.join(', ')}, got ${name}`)
}
