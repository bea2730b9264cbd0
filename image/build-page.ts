import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundlePage } from './page.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

await bundlePage(root, join(root, 'build', 'broker', 'monitor', 'page'))
