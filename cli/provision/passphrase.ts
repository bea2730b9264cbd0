import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ExitError } from '../../schemas/exit.ts'

/** Where the passphrase of a fleet's keys may come from. */
export interface PassphraseSource {
  readonly file: string | undefined
  readonly environment: NodeJS.ProcessEnv
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WritableStream
}

/** Variable of the environment that may hold the passphrase. */
export const passphraseVariable = 'TRUSTMIX_PASSPHRASE'

/**
 * Shortest passphrase for new keys, characters. PKCS#8 as Node writes it derives the key by 2,048 rounds of PBKDF2, which
 * slows a guesser down little: the passphrase itself has to be long.
 */
export const shortestPassphrase = 12

/** The passphrase from its file, the environment or the terminal, in this order; ExitError 2 where there is none of them. */
export async function readPassphrase(source: PassphraseSource): Promise<string> {
  if (source.file !== undefined) {
    try {
      return firstLine(readFileSync(source.file, 'utf8'))
    } catch (error) {
      throw new ExitError('usage', `--passphrase-file: ${(error as Error).message}`)
    }
  }
  const given = source.environment[passphraseVariable]
  if (given !== undefined) return given
  if (!source.input.isTTY)
    throw new ExitError(
      'usage',
      `a passphrase is needed (--passphrase-file, ${passphraseVariable}, or a terminal to ask on), got nothing`,
    )
  return ask(source, 'Passphrase of the fleet: ')
}

/** A passphrase for new keys, asked twice on a terminal; ExitError 2 where it is too short or the two differ. */
export async function readNewPassphrase(source: PassphraseSource): Promise<string> {
  const passphrase = await readPassphrase(source)
  if (passphrase.length < shortestPassphrase)
    throw new ExitError(
      'usage',
      `the passphrase must have at least ${shortestPassphrase} characters, got ${passphrase.length}`,
    )
  const asked = source.file === undefined && source.environment[passphraseVariable] === undefined
  if (asked && (await ask(source, 'Once more: ')) !== passphrase)
    throw new ExitError('usage', 'the passphrase must be given twice alike, got two different ones')
  return passphrase
}

/** Asks for a line that the terminal does not show. */
function ask({ input, output }: PassphraseSource, prompt: string): Promise<string> {
  // readline switches the echo off and echoes itself, into nothing.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: silent, terminal: true })
  // Only now, for whoever answers at once must not be echoed.
  output.write(prompt)
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      lines.removeAllListeners('close')
      lines.close()
      output.write('\n')
      resolve(line)
    })
    lines.once('close', () => {
      output.write('\n')
      reject(new ExitError('interrupted', 'interrupted while the passphrase was asked for'))
    })
    lines.once('SIGINT', () => lines.close())
  })
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? ''
}
