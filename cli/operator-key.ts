import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ExitError } from '../schemas/exit.ts'

/**
 * An operator's Ed25519 key (PKCS#8, PEM). One with a passphrase is opened with that of the file, else with what is typed at
 * the terminal. ExitError 2 where there is no such file or passphrase, 4 where the file is no such key.
 */
export async function readOperatorKey(path: string, passphraseFile: string | undefined): Promise<KeyObject> {
  const pem = read(path)
  const encrypted = pem.includes('BEGIN ENCRYPTED PRIVATE KEY')
  const passphrase = encrypted
    ? passphraseFile === undefined
      ? await askPassphrase(path)
      : read(passphraseFile).replace(/\r?\n$/, '')
    : undefined
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    if (encrypted) throw new ExitError('usage', `the passphrase must open ${path}: ${(error as Error).message}`)
    throw new ExitError('damaged', `${path} must be a private key (PKCS#8, PEM): ${(error as Error).message}`)
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new ExitError('damaged', `${path} must be an Ed25519 key, got ${key.asymmetricKeyType}`)
  return key
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ExitError('usage', (error as Error).message)
  }
}

/** Asks at the terminal, showing nothing of what is typed. */
async function askPassphrase(path: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new ExitError('usage', `${path} has a passphrase: --passphrase-file is needed where there is no terminal`)
  process.stderr.write(`Passphrase of ${path}: `)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('SIGINT', () => reject(new ExitError('interrupted', 'interrupted at the passphrase')))
      lines.once('close', () => reject(new ExitError('usage', 'a passphrase is needed, got the end of the input')))
    })
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
