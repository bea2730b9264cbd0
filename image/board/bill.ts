import { readFileSync } from 'node:fs'
import { ExitError } from '../../schemas/exit.ts'
import { serialNumber } from '../sbom.ts'
import type { DebianPackage } from './packages.ts'

export interface CardBillOptions {
  readonly version: string
  readonly board: string
  readonly packages: readonly DebianPackage[]
  /** Bill of the unit's own package. */
  readonly unit: string
  /** s since 1970 */
  readonly epochS: number
}

interface Component {
  readonly 'bom-ref': string
  readonly purl?: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}

/** What is on a card, as CycloneDX 1.6: every package of Debian with the SHA-256 of its .deb, and what the unit's package holds. */
export function cardBill({ version, board, packages, unit, epochS }: CardBillOptions): string {
  const own = `pkg:generic/trustmix-card@${version}?board=${board}`
  const inside = JSON.parse(unit) as { metadata: { component: Component }; components: Component[] }
  const debian = packages.map(({ name, version, architecture, sha256 }) => {
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=trixie`
    const hashes = [{ alg: 'SHA-256', content: sha256 }]
    return { type: 'library', 'bom-ref': purl, name, version, hashes, purl }
  })
  const components: Component[] = [...debian, inside.metadata.component, ...inside.components]
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(1_000 * epochS).toISOString(),
      component: { type: 'firmware', 'bom-ref': own, name: `trustmix card for ${board}`, version, purl: own },
    },
    components,
    dependencies: [{ ref: own, dependsOn: components.map((component) => component['bom-ref']) }],
  }
  return `${JSON.stringify({ ...bill, serialNumber: serialNumber(JSON.stringify(bill)) }, null, 2)}\n`
}

/** Debian's packages in the bill of a card; ExitError 2 where the file cannot be read, 4 where it is no such bill. */
export function packagesOfBill(path: string): DebianPackage[] {
  const pattern = /^pkg:deb\/debian\/([^@]+)@([^?]+)\?arch=([^&]+)&/
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', `--packages-from must be a bill of a card: ${(error as Error).message}`)
  }
  try {
    const { components } = JSON.parse(text) as { components: Component[] }
    const found = components.flatMap(({ purl = '', hashes }) => {
      const [, name, version, architecture] = pattern.exec(purl) ?? []
      const sha256 = hashes?.find(({ alg }) => alg === 'SHA-256')?.content
      if (!name || !version || !architecture || !sha256) return []
      return [{ name, version: decodeURIComponent(version), architecture, sha256 }]
    })
    if (found.length > 0) return found
  } catch {}
  throw new ExitError('damaged', `${path} must be a bill of a card with packages of Debian, got none`)
}
