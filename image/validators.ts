import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import { build } from 'esbuild'
import { compiledFile, createAjv } from '../schemas/compile.ts'
import { type BundledPackage, bundledPackages } from './bundle.ts'

/**
 * Makes the function of every schema of the project and writes it into `folder`, where `schemas/compile.ts` finds it; what was there
 * before goes. Needs nothing of npm when it runs. Returns the packages of which there is code inside.
 */
export async function compileValidators(root: string, folder: string): Promise<BundledPackage[]> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(tmpdir(), 'trustmix-validators-'))
  try {
    const files = (await projectSchemas(join(root, 'build', 'schemas'))).map((schema) => {
      const file = join(work, compiledFile(schema))
      writeFileSync(file, functionOf(schema))
      return file
    })
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: files,
      outdir: folder,
      outExtension: { '.js': '.cjs' },
      nodePaths: [join(root, 'node_modules')],
      ...{ bundle: true, minify: true, metafile: true, legalComments: 'none', logLevel: 'error' },
      ...{ format: 'cjs', platform: 'node', target: 'node20' },
    })
    return bundledPackages(root, metafile)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The schemas of all validators that the built modules in `folder` export, alone or in an object. */
export async function projectSchemas(folder: string): Promise<object[]> {
  const modules = readdirSync(folder).filter((name) => name.endsWith('.js'))
  const exported = await Promise.all(modules.map((name) => import(pathToFileURL(join(folder, name)).href)))
  const values = exported.flatMap((module) => Object.values(module))
  return [...new Set([...values, ...values.flatMap(membersOf)].flatMap(schemaOf))]
}

function membersOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}

function schemaOf(value: unknown): object[] {
  return typeof value === 'function' && 'schema' in value ? [value.schema as object] : []
}

function functionOf(schema: object): string {
  const ajv = createCompiler()
  return standalone.default(ajv, ajv.compile(schema))
}

/** Makes the same functions as `compile`, with their source. */
export function createCompiler(): Ajv {
  return createAjv({ source: true, lines: true })
}
