import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { bin } from './fleet.ts'
import { type Running, runProgram, startProgram } from './program.ts'
import { absent, requireRoot, requireTool } from './require.ts'

export type SandboxProcess = Running & { stop(signal: NodeJS.Signals): Promise<void> }

/** A machine made of this one: what it writes is thrown away, its network is a loopback of its own. */
export interface Sandbox {
  /** Runs a line of shell in a folder below the user's, to its end. */
  run(line: string, folder?: string): Promise<{ code: number; stdout: string; stderr: string }>
  /** Starts one that goes on. */
  start(line: string, folder?: string): SandboxProcess
}

/** The folder of a new user, where `npx` finds the program as if it had been installed there. */
const home = '/root/new-user'

/**
 * Opens such a machine until the test ends; it knows these hosts by name and has their addresses. Undefined, and the test
 * skipped, where this process may not make one.
 */
export async function openSandbox(
  t: Test,
  hosts: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): Promise<Sandbox | undefined> {
  for (const tool of ['unshare', 'nsenter', 'setsid', 'ip', 'npx']) if (!requireTool(t, tool)) return undefined
  if (!requireRoot(t)) return undefined
  const base = mkdtempSync(join(tmpdir(), 'sandbox-'))
  t.teardown(() => rmSync(base, { recursive: true, force: true }))
  const root = join(base, 'root')
  const names = Object.entries({ localhost: '127.0.0.1', ...hosts }).map(([name, address]) => `${address} ${name}`)
  const script = [
    'set -e',
    `mount -t tmpfs tmpfs ${base}`,
    `mkdir ${base}/upper ${base}/work ${root}`,
    `mount -t overlay overlay -o lowerdir=/,upperdir=${base}/upper,workdir=${base}/work ${root}`,
    `mount --rbind /dev ${root}/dev`,
    `mount -t proc proc ${root}/proc`,
    'ip link set lo up',
    ...Object.values(hosts).map((address) => `ip address add ${address}/32 dev lo`),
    `printf '%s\\n' ${names.map((line) => `'${line}'`).join(' ')} >${root}/etc/hosts`,
    `mkdir -p ${root}${home}/node_modules/.bin`,
    `printf '#!/bin/sh\\nexec %s %s "$@"\\n' '${process.execPath}' '${bin}' >${root}${home}/node_modules/.bin/trustmix`,
    `chmod +x ${root}${home}/node_modules/.bin/trustmix`,
    'echo ready >&2',
    `exec chroot ${root} sleep infinity`,
  ].join('\n')
  const spaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--propagation', 'private']
  const machine = startProgram(t, ['unshare', ...spaces, 'sh', '-c', script])
  t.teardown(async () => {
    machine.child.kill('SIGKILL')
    if (machine.child.exitCode === null && machine.child.signalCode === null) await once(machine.child, 'exit')
  })
  try {
    await machine.said(/^ready$/)
  } catch (error) {
    absent(t, 'unshare', `cannot make a machine here: ${(error as Error).message}`)
    return undefined
  }
  const pid = readFileSync(`/proc/${machine.child.pid}/task/${machine.child.pid}/children`, 'utf8').trim()
  const command = (line: string, folder: string): string[] => [
    ...['nsenter', '-t', pid, '-m', '-n', '-p', '-r', '-w', 'setsid', '--wait'],
    ...['sh', '-c', `cd ${home}/${folder} && ${line}`],
  ]
  const options = { cwd: '/', environment: { ...environment, HOME: home } }
  let started = 0
  return {
    run: (line, folder = '') => runProgram(command(line, folder), options),
    start(line, folder = '') {
      const file = `/run/sandbox.${started++}`
      const running = startProgram(t, command(`echo $$ >${file} && ${line}`, folder), options)
      return {
        ...running,
        async stop(signal) {
          await runProgram(command(`kill -s ${signal.slice(3)} -- -$(cat ${file})`, ''))
          await running.ended
        },
      }
    },
  }
}
