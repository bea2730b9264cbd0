import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** The first partition of a small image, sectors of 512 bytes. */
export const start = 2_048
export const sectors = 8_192

/** An image whose first partition is a FAT with `trustmix-image.json`, as `npm run image` makes them, only smaller. */
export function makeImage(t: Test, updateKey: string, board = 'virt'): string {
  const folder = t.testdir()
  const path = join(folder, 'small.img')
  const record = Buffer.alloc(512)
  record.writeUInt8(0x0c, 450)
  record.writeUInt32LE(start, 454)
  record.writeUInt32LE(sectors, 458)
  record.writeUInt16LE(0xaa55, 510)
  writeFileSync(path, record)
  truncateSync(path, 512 * (start + sectors + 2_048))
  const facts = join(folder, 'facts.json')
  writeFileSync(facts, JSON.stringify({ version: 1, software: 'trustmix 9.9.9', board, updateKey }))
  formatFirst(path)
  execFileSync('mcopy', ['-i', `${path}@@${512 * start}`, facts, '::trustmix-image.json'])
  return path
}

/** Makes a FAT in the first partition. */
export function formatFirst(path: string): void {
  execFileSync('mformat', ['-i', `${path}@@${512 * start}`, '-T', String(sectors), '-h', '16', '-s', '32', '::'])
}
