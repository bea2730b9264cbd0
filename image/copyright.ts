import type { BundledPackage } from './bundle.ts'
import type { NodeBinary } from './node-binary.ts'

/** Licences of everything in a package, for /usr/share/doc/trustmix/copyright. */
export function copyright(packages: readonly BundledPackage[], node: NodeBinary): string {
  const parts = [
    'trustmix is licensed under the Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0',
    `Its program contains these packages of npm: ${packages.map(({ name, version }) => `${name} ${version}`).join(', ')}.\n` +
      `/usr/lib/trustmix/node is Node.js ${node.version} (${node.origin}).\nTheir licences follow.`,
    ...packages.map(({ name, version, licence, licenceText }) =>
      `${name} ${version} (${licence})\n\n${licenceText.trim()}`.trim(),
    ),
    `Node.js ${node.version}\n\n${node.licenceText.trim()}`,
  ]
  return `${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}
