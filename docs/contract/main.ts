import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Parser } from '@asyncapi/parser'
import { contractFiles } from './files.ts'
import { pageOf } from './page.ts'

/** `npm run docs:asyncapi`: writes the documents that are kept, and the page that is not. */
const root = fileURLToPath(new URL('../../../', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const files = contractFiles(version)
const { document, diagnostics } = await new Parser().parse(files['docs/asyncapi.json'])
if (!document) throw new Error(`the document must have no errors, got ${diagnostics[0]?.message}`)
write('build/docs/asyncapi.html', pageOf(document))
for (const [path, text] of Object.entries(files)) write(path, text)

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(`${path}: ${Buffer.byteLength(text)} bytes`)
}
