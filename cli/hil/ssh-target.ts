import { basename, join } from 'node:path'
import type { MachineFacts } from '../../schemas/hil-report.ts'
import { logFiles } from './external-target.ts'
import type { HilConfig } from './hil.ts'
import { createSsh } from './ssh.ts'
import type { Target } from './target.ts'

/** The unit's service, and where it keeps its recording unless told otherwise. */
const service = 'trustmix.service'
const defaultLog = '/var/lib/trustmix/log'
const properties = ['NRestarts', 'MemoryCurrent', 'MainPID', 'ActiveState']
const journalLines = 50

/** A unit whose machine answers over ssh: its service manager, its journal, its recording. */
export function createSshTarget({ target, sshOption, log, vehicle }: HilConfig): Target {
  const ssh = createSsh(target.slice('ssh:'.length), sshOption ?? [])
  return {
    name: target,
    start: async () => {},
    async facts() {
      try {
        return parseFacts(await ssh.run(`systemctl show ${service} --property=${properties.join(',')}`))
      } catch (error) {
        return { ...nothing, trouble: (error as Error).message }
      }
    },
    async journal() {
      try {
        const text = await ssh.run(`journalctl --unit=${service} --lines=${journalLines} --no-pager --output=short-iso`)
        return text.split('\n').filter((line) => line !== '')
      } catch (error) {
        return [`the journal could not be read: ${(error as Error).message}`]
      }
    },
    async log(into) {
      const path = log ?? defaultLog
      await ssh.copy(path, into)
      return logFiles(join(into, basename(path)), vehicle)
    },
    stop: async () => {},
  }
}

const nothing: MachineFacts = { restarts: null, memoryMib: null, mainPid: null, activeState: null, trouble: null }

/** What `systemctl show` printed; numbers that it does not know are null. */
function parseFacts(text: string): MachineFacts {
  const values = new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1).trim()] as const] : []
    }),
  )
  const bytes = whole(values.get('MemoryCurrent'))
  return {
    restarts: whole(values.get('NRestarts')),
    memoryMib: bytes === null ? null : bytes / 1_048_576,
    mainPid: whole(values.get('MainPID')),
    activeState: values.get('ActiveState') ?? null,
    trouble: null,
  }
}

/** systemd writes `[not set]`, or the largest number of 64 bits, for what it does not count. */
function whole(text: string | undefined): number | null {
  const value = /^\d+$/.test(text ?? '') ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : null
}
