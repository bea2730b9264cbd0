/**
 * Whether an Ed25519 public key (32 raw bytes in base64) is a point of small order. Such a key has no private half, and some
 * signatures hold for it that anybody can write: what it "signs" proves nothing, and OpenSSL takes it all the same.
 */
export function hasSmallOrder(key: string): boolean {
  const bytes = Buffer.from(key, 'base64')
  // The sign of x: with it or without, y decides.
  bytes.writeUInt8(bytes.readUInt8(31) & 0x7f, 31)
  return smallOrder.has(bytes.toString('hex'))
}

/** y of all points whose order divides 8, little-endian, also in the two ways that are not reduced modulo 2^255 − 19. */
const smallOrder: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ...['ec', 'ed', 'ee'].map((first) => `${first}${'ff'.repeat(30)}7f`),
])
