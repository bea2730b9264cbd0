import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileValidators } from './validators.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

await compileValidators(root, join(root, 'build', 'schemas', 'compiled'))
