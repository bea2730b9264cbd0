import { createHash } from 'node:crypto'
import type { ArchitectureName } from './architecture.ts'
import type { BundledPackage } from './bundle.ts'
import type { NodeBinary } from './node-binary.ts'

export interface SbomOptions {
  readonly version: string
  readonly architecture: ArchitectureName
  readonly packages: readonly BundledPackage[]
  readonly node: NodeBinary
  /** s since 1970 */
  readonly epochS: number
}

/** What is in a package, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): the same bytes for the same content. */
export function softwareBill({ version, architecture, packages, node, epochS }: SbomOptions): string {
  const own = `pkg:deb/trustmix@${version}?arch=${architecture}`
  const components = [
    ...packages.map(({ name, version, licence }) => {
      const purl = `pkg:npm/${name.replace(/^@/, '%40')}@${version}`
      const [group, base] = name.startsWith('@') ? name.split('/') : [undefined, name]
      return {
        type: 'library',
        'bom-ref': purl,
        ...(group && { group }),
        name: base,
        version,
        licenses: [{ expression: licence }],
        purl,
      }
    }),
    {
      type: 'platform',
      'bom-ref': `pkg:generic/nodejs@${node.version}`,
      name: 'nodejs',
      version: node.version,
      description: node.origin,
      hashes: [{ alg: 'SHA-256', content: createHash('sha256').update(node.bytes).digest('hex') }],
      licenses: [{ license: { name: 'Node.js and what it includes: see copyright' } }],
      purl: `pkg:generic/nodejs@${node.version}`,
    },
  ]
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(1_000 * epochS).toISOString(),
      component: {
        ...{ type: 'application', 'bom-ref': own, name: 'trustmix', version },
        ...{ licenses: [{ expression: 'Apache-2.0' }], purl: own },
      },
    },
    components,
    dependencies: [{ ref: own, dependsOn: components.map((component) => component['bom-ref']) }],
  }
  return `${JSON.stringify({ ...bill, serialNumber: serialNumber(JSON.stringify(bill)) }, null, 2)}\n`
}

/** A UUID of the content, version 8 (https://www.rfc-editor.org/rfc/rfc9562#section-5.8). */
export function serialNumber(content: string): string {
  const bytes = createHash('sha256').update(content).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  const cuts = [0, 8, 12, 16, 20, 32]
  return `urn:uuid:${cuts
    .slice(1)
    .map((end, i) => hex.slice(cuts[i], end))
    .join('-')}`
}
