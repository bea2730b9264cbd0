import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../../device/checkpoint.ts'
import { ExitError } from '../../schemas/exit.ts'
import {
  type PendingUpdate,
  type UpdateReason,
  type UpdateResult,
  validatePendingUpdate,
} from '../../schemas/update.ts'
import { Refusal } from './refusal.ts'

/** The card around an update: its slots, RAUC, the service manager, and what is kept of an update over a restart. */
export interface Board {
  slot(): Promise<'A' | 'B'>
  /** Writes the other slot. Throws Refusal with what RAUC says. */
  install(bundle: string): Promise<void>
  /** Makes the slot that runs the one that counts. */
  commit(): Promise<void>
  /** Restarts once into the other slot. */
  tryOther(): Promise<void>
  /** Whether the unit says that it is connected to the broker. */
  isConnected(): Promise<boolean>
  /** Whether systemd has fed the board's watchdog in time. */
  isWatched(): Promise<boolean>
  stopUnit(): Promise<void>
  startUnit(): Promise<void>
  pending(): PendingUpdate | undefined
  keepPending(pending: PendingUpdate): void
  /** Tells the unit, for its status; the update is over. */
  finish(result: UpdateResult): void
}

const unit = 'trustmix.service'

/** `directory` is of root alone to write; `loader` the program that knows which slot starts. */
export function createBoard(directory: string, loader: string): Board {
  const pendingFile = join(directory, 'pending.json')
  return {
    async slot() {
      const slot = (await run(loader, ['get-current'])).trim()
      if (slot !== 'A' && slot !== 'B') throw new ExitError('damaged', `the slot must be A or B, got ${slot}`)
      return slot
    },
    async install(bundle) {
      try {
        await run('rauc', ['install', bundle])
      } catch (error) {
        const words = (error as Error).message
        const said = /LastError: (.*)/.exec(words)?.[1] ?? words.trim().split('\n').at(-1) ?? ''
        throw new Refusal(reasons.find(([pattern]) => pattern.test(said))?.[1] ?? 'not-installed', said)
      }
    },
    async commit() {
      await run('rauc', ['status', 'mark-good', 'booted'])
      await run('rauc', ['status', 'mark-active', 'booted'])
    },
    async tryOther() {
      await run(loader, ['try'])
      await restart()
    },
    isConnected: async () =>
      (await run('systemctl', ['show', '--property=StatusText', '--value', unit])).trim() === 'connected to the broker',
    async isWatched() {
      const names = ['WatchdogLastPingTimestampMonotonic', 'RuntimeWatchdogUSec']
      const text = await run('busctl', [
        ...['get-property', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1'],
        ...['org.freedesktop.systemd1.Manager', ...names],
      ])
      const [fedUs = 0, periodUs = 0] = [...text.matchAll(/^t (\d+)$/gm)].map(([, us]) => Number(us))
      const nowUs = Number(process.hrtime.bigint() / 1_000n)
      return fedUs > 0 && nowUs - fedUs < periodUs
    },
    stopUnit: async () => void (await run('systemctl', ['stop', unit])),
    startUnit: async () => void (await run('systemctl', ['start', '--no-block', unit])),
    pending() {
      let text: string
      try {
        text = readFileSync(pendingFile, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
      const read = validatePendingUpdate(JSON.parse(text))
      if (!read.ok) throw new ExitError('damaged', `${pendingFile}: ${read.detail}`)
      return read.value
    },
    keepPending: (pending) => writeAtomically(pendingFile, `${JSON.stringify(pending)}\n`, 0o600),
    finish(result) {
      const detail = result.detail?.slice(0, 200)
      writeAtomically(join(directory, 'result.json'), `${JSON.stringify({ ...result, detail })}\n`)
      rmSync(pendingFile, { force: true })
    },
  }
}

/** What RAUC's words come to, in this order. */
const reasons: readonly (readonly [RegExp, UpdateReason])[] = [
  [/Version mismatch/, 'downgrade'],
  [/Compatible mismatch/, 'wrong-board'],
  [/signature verification failed|certificate/i, 'untrusted'],
  [
    /Invalid (bundle|identifier)|not a (valid )?bundle|signature size|bundle too small|unsupported bundle/i,
    'not-a-bundle',
  ],
  [/verity|Input\/output error|Failed (to )?(splice|read|copy)/i, 'damaged'],
]

/** Once systemd has begun to stop what runs it ends this process too, and the program that told it: that is no failure. */
function restart(): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemctl', ['reboot', '--no-block', '--reboot-argument=0 tryboot'], (error) => {
      if (error === null || error.signal) resolve()
      else reject(new Error(`systemctl reboot ended with ${error.code}`))
    })
  })
}

/** A program's stdout; Error with all its words where it fails. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C.UTF-8' }
    execFile(program, args, { env, maxBuffer: 4_194_304 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (error.code === 'ENOENT') reject(new ExitError('unreachable', `${program} must be installed`))
      else reject(new Error(`${program} ${args[0]} ended with ${error.code}:\n${stdout}${stderr}`))
    })
  })
}
