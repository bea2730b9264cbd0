import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const run = promisify(execFile)

export interface Outcome {
  readonly code: number
  /** stdout and stderr, as they came from each. */
  readonly text: string
}

/** The Debian that this machine runs, and the mirror that it uses. */
export async function debianMirror(): Promise<{ readonly codename: string; readonly mirror: string }> {
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
  const targets = ['indextargets', '--format', '$(CODENAME) $(REPO_URI)', 'Created-By: Packages']
  const { stdout } = await run('apt-get', targets)
  const mirror = stdout
    .split('\n')
    .find((line) => line.startsWith(`${codename} `))
    ?.slice(codename.length + 1)
  if (!codename || !mirror) throw new Error(`apt must have a mirror of ${codename || 'a Debian'}, got ${stdout}`)
  return { codename, mirror }
}

/** A root of the Debian that this machine runs, from the mirror that it uses, with systemd and further packages in it. */
export async function makeDebianRoot(folder: string, more: readonly string[] = []): Promise<void> {
  const { codename, mirror } = await debianMirror()
  const packages = ['systemd', 'libstdc++6', ...more]
  const options = ['--quiet', '--mode=root', '--variant=minbase', `--include=${packages.join(',')}`]
  await run('mmdebstrap', [...options, codename, folder, mirror], { maxBuffer: 1 << 26 })
}

/** Runs a command in a root. */
export function inRoot(root: string, ...command: readonly string[]): Promise<Outcome> {
  return outcome('chroot', [root, ...command])
}

/** A root that its own systemd runs. */
export interface Booted {
  inside(...command: readonly string[]): Promise<Outcome>
}

/** Boots a root as a container on the network of this machine, until the test ends; undefined where that cannot be. */
export async function boot(t: Test, root: string, withinMs: number): Promise<Booted | undefined> {
  const child = spawn('systemd-nspawn', ['-q', '-D', root, '--boot', '--register=no', '--keep-unit'], {
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    const systemd = childOf(child)
    // Power off (systemd(1), signals).
    if (systemd !== undefined) await outcome('kill', ['-s', 'RTMIN+4', systemd])
    await ended
  })
  const inside = (...command: readonly string[]): Promise<Outcome> =>
    outcome('nsenter', ['-a', '-t', childOf(child) ?? '', '--', ...command])
  const deadline = performance.now() + withinMs
  while (child.exitCode === null && performance.now() < deadline) {
    const { text } =
      childOf(child) === undefined ? { text: '' } : await inside('systemctl', 'is-system-running', '--wait')
    if (/running|degraded/.test(text)) return { inside }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  if (child.exitCode === null) child.kill('SIGKILL')
  return undefined
}

const environment = ['-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8']

function childOf({ pid }: ChildProcess): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] || undefined
  } catch {
    return undefined
  }
}

function outcome(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    // The test runner would have every Node under it load a file that is not in the root.
    execFile('env', [...environment, program, ...args], { maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
    )
  })
}
