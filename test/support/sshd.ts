import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { killWithTest } from './program.ts'

export interface Sshd {
  /** As `--target` takes it. */
  readonly target: string
  /** As `--ssh-option` takes them. */
  readonly options: string
}

/**
 * An OpenSSH server on a free port of loopback with keys of its own, ended with the test; what it runs finds programs in the
 * folder `programs` first.
 */
export async function startSshd(t: Test, directory: string, programs: string): Promise<Sshd> {
  const path = execFileSync('sh', ['-c', 'command -v sshd'], { encoding: 'utf8' }).trim()
  const file = (name: string): string => join(directory, name)
  mkdirSync(directory, { mode: 0o700 })
  for (const key of ['host', 'client'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)], { stdio: 'ignore' })
  const port = await freePort()
  writeFileSync(
    file('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('client.pub')}`,
      `PidFile ${file('sshd.pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'Subsystem sftp internal-sftp',
      `SetEnv PATH=${programs}:/usr/bin:/bin`,
      '',
    ].join('\n'),
  )
  // As root it wants this folder for its unprivileged half, which the service would make.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const server = spawn(path, ['-D', '-e', '-f', file('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  killWithTest(t, server, 'SIGTERM')
  const lines = createInterface({ input: server.stderr })
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      said.push(line)
      if (line.includes('Server listening on')) resolve()
    })
    server.once('exit', () => reject(new Error(`sshd ended:\n${said.join('\n')}`)))
  })
  const options = [
    ...[`Port=${port}`, `IdentityFile=${file('client')}`, 'IdentitiesOnly=yes'],
    ...[`UserKnownHostsFile=${file('known_hosts')}`, 'StrictHostKeyChecking=accept-new', 'LogLevel=ERROR'],
  ]
  return { target: `ssh:${userInfo().username}@127.0.0.1`, options: options.join(',') }
}
