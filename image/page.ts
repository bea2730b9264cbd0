import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import standalone from 'ajv/dist/standalone/index.js'
import { build, type Plugin } from 'esbuild'
import { validateCommandBody } from '../schemas/command.ts'
import { validateMonitorConfig } from '../schemas/monitor-config.ts'
import { channels } from '../schemas/topics.ts'
import { type BundledPackage, bundledPackages } from './bundle.ts'
import { createCompiler } from './validators.ts'

const { status, telemetry, verdict, log, ack, ann, run, world, health, alarm } = channels
/** What the page reads and signs; the validators of everything else stay at home. */
const validators = [
  ...[status, telemetry, verdict, log, ack, ann, run, world, health, alarm].map(({ validate }) => validate),
  ...[validateCommandBody, validateMonitorConfig],
]

/**
 * Bundles the monitor page from its sources into `folder`: index.html, app.js, app.css and licences.txt, which names what of
 * npm is inside. Returns those packages.
 */
export async function bundlePage(root: string, folder: string): Promise<BundledPackage[]> {
  const sources = join(root, 'broker', 'monitor', 'page')
  mkdirSync(folder, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { app: join(sources, 'main.tsx') },
    outdir: folder,
    ...{ bundle: true, minify: true, metafile: true, legalComments: 'none', logLevel: 'error' },
    ...{ format: 'esm', platform: 'browser', target: 'es2022', jsx: 'automatic', jsxImportSource: 'preact' },
    define: { global: 'globalThis', 'process.env.NODE_DEBUG': 'false' },
    inject: [join(sources, 'node-process.ts')],
    plugins: [forBrowser(sources), compiledBeforehand(sources)],
  })
  copyFileSync(join(sources, 'index.html'), join(folder, 'index.html'))
  const packages = bundledPackages(root, metafile)
  const texts = packages.map(({ name, version, licence, licenceText }) => {
    const head = `${name} ${version} (${licence})`
    return `${head}\n${'-'.repeat(head.length)}\n\n${licenceText.trim()}\n`
  })
  writeFileSync(join(folder, 'licences.txt'), `app.js and app.css contain parts of:\n\n${texts.join('\n\n')}`)
  return packages
}

/**
 * What a browser has in place of Node's own modules, and of `mqtt` the client alone: what chooses among sockets, TLS and
 * proxies is of no use there.
 */
function forBrowser(sources: string): Plugin {
  const stands = { 'node:buffer': 'buffer/index.js', 'process/': join(sources, 'node-process.ts') }
  return {
    name: 'for-browser',
    setup({ onResolve, onLoad, resolve }) {
      for (const [name, path] of Object.entries(stands))
        onResolve({ filter: new RegExp(`^${name}$`) }, ({ kind, resolveDir }) => resolve(path, { kind, resolveDir }))
      onResolve({ filter: /^mqtt$/ }, () => ({ path: 'mqtt', namespace: 'for-browser' }))
      onLoad({ filter: /.*/, namespace: 'for-browser' }, () => ({
        contents: "exports.MqttClient = require('mqtt/lib/client').default",
        resolveDir: sources,
      }))
    },
  }
}

/** `schemas/compile.ts` as the page gets it: it may not make code from text, so that is done here. */
function compiledBeforehand(sources: string): Plugin {
  const ajv = createCompiler()
  const schemas = validators.flatMap((validate) => (validate ? [validate.schema as { readonly $id: string }] : []))
  const ids = schemas.map(({ $id }) => $id)
  for (const schema of schemas) ajv.addSchema(schema)
  const code = standalone.default(ajv, Object.fromEntries(ids.map((id) => [id, id])))
  return {
    name: 'compiled-beforehand',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\/compile\.ts$/ }, () => ({ path: 'compile', namespace: 'compiled' }))
      onLoad({ filter: /.*/, namespace: 'compiled' }, () => ({
        contents: `${code}\n${lookUp}`,
        resolveDir: sources,
      }))
    },
  }
}

const lookUp = `
const validators = { ...exports }
exports.compile = ({ $id }) => {
  if (!Object.hasOwn(validators, $id)) throw new Error('image/page.ts must name the schema ' + $id)
  return validators[$id]
}
`
