const file = { type: ['string', 'null'], default: null } as const

/** Keys of TLS and of the roster (docs/trust.md). */
export const trustProperties = {
  caFile: {
    ...file,
    description: 'certificate (PEM) of the authority that the other side of TLS must be certified by',
    for: ['device', 'sim-bridge', 'broker', 'command', 'monitor'],
  },
  certFile: {
    ...file,
    description: 'own certificate (PEM) for TLS',
    for: ['device', 'sim-bridge', 'broker', 'command', 'monitor'],
  },
  keyFile: {
    ...file,
    description: 'key (PKCS#8, PEM) of the own certificate',
    for: ['device', 'sim-bridge', 'broker', 'command', 'monitor'],
  },
  crlFile: {
    ...file,
    description: 'revocation list (PEM) of the authority; read again when it changes',
    for: ['broker'],
  },
  rootKeyFile: {
    ...file,
    description: 'public key (Ed25519, PEM) of the fleet root, which signs rosters; replaces --public-keys-file',
    for: ['device', 'broker'],
  },
  rosterFile: {
    ...file,
    description: 'roster to start with; the broker reads it again when it changes, and publishes it',
    for: ['device', 'broker'],
  },
  tlsPort: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 65535,
    default: null,
    description: 'port for TLS 1.3 with client certificates, on --host; --port then listens on loopback alone',
    for: ['broker'],
  },
  wsPort: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 65535,
    default: null,
    description: 'port for the same over WebSocket',
    for: ['broker'],
  },
  wsOrigins: {
    type: 'array',
    items: { type: 'string', pattern: '^https://[^/?#]+$' },
    default: [],
    description: 'origins of web pages that may connect, besides pages of this very host and port',
    for: ['broker'],
  },
} as const
