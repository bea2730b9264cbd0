import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

/** The OpenSSH client as a child process; options as `ssh -o` takes them. */
export interface Ssh {
  /** Runs a command there; its standard output. Rejects with its words where it fails. */
  run(command: string): Promise<string>
  /** Copies a file or directory from there. */
  copy(path: string, into: string): Promise<void>
}

/** Longest run of a client, ms. */
const limitMs = 60_000
/** Most output that is kept, characters. */
const mostOutput = 1_000_000

export function createSsh(host: string, given: readonly string[]): Ssh {
  // The first value of an option is the one that counts (ssh_config(5)).
  const options = [...given, 'BatchMode=yes', 'ConnectTimeout=10'].flatMap((option) => ['-o', option])
  return {
    run: (command) => client('ssh', [...options, '--', host, command]),
    async copy(path, into) {
      await client('scp', [...options, '-q', '-r', '--', `${host}:${path}`, into])
    },
  }
}

function client(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs, killSignal: 'SIGKILL' })
    const output = collected(child.stdout)
    const words = collected(child.stderr)
    child.on('error', (error) => reject(new Error(`${program}: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output())
      else reject(new Error(`${program}: ${lastLine(words()) || (signal ?? `exit code ${code}`)}`))
    })
  })
}

function collected(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-mostOutput)
  })
  return () => text
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
