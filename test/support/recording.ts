import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mcap from '@mcap/core'
import type { Test } from 'tap'
import type { DeviceOptions } from '../../device/device-options.ts'
import { createRecordLog, type RecordLog } from '../../device/recorder/record-log.ts'
import { createRecordedDevice } from '../../device/recorder/recorded-device.ts'
import type { Config } from '../../schemas/config.ts'
import { calm } from './devices.ts'
import { createRig, last, outcome, peerPolicies, type Rig, reset, turn } from './rig.ts'

export interface Recording {
  readonly rig: Rig
  readonly log: RecordLog
  /** Ends the log and names its files, oldest first. */
  end(): Promise<string[]>
}

/** A rig of car01 that records, on the engine of small networks whose id its configuration names. */
export function createRecording(
  directory: string,
  more: Partial<Config> = {},
  given: Parameters<typeof createRig>[2] &
    Pick<DeviceOptions, 'lastUpdate'> & { readonly fileBytes?: number; readonly files?: number } = {},
): Recording {
  let log: RecordLog | undefined
  const create = (options: DeviceOptions) => {
    const { vehicle, boot, now, software } = options
    const { fileBytes = 1_000_000, files = 8 } = given
    log = createRecordLog({ mcap, directory, vehicle, boot, files, now, fileBytes, software, startedAt: startedAt })
    const { lastUpdate } = given
    return createRecordedDevice({ ...options, ...(lastUpdate && { lastUpdate }) }, log, 'a test')
  }
  const rig = createRig(['car01'], { engine: 'reference', ...more }, { ...given, create })
  if (!log) throw new Error('a rig must create its devices')
  const kept = log
  return {
    ...{ rig, log: kept },
    async end() {
      await kept.close()
      return filesIn(directory)
    },
  }
}

/** 2026-01-01T00:00:00Z */
const startedAt = 1_767_225_600_000

export function filesIn(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name))
}

/** Drives car01 through epochs of two rounds: decisions, learning, two peers' policies, mixing. */
export async function drive(rig: Rig, epochs: number, from = 1): Promise<void> {
  for (let epoch = from; epoch < from + epochs; epoch++) {
    rig.ask('car01', { ...reset, epoch })
    for (const step of [250, 500]) {
      for (let i = 0; i < 5; i++) {
        const observation = {
          ...calm,
          position: (37 * i + step) % 200,
          gap: 20 + i / 3,
          speed: 5 + Math.sqrt(i + epoch),
        }
        rig.ask('car01', { kind: 'decide', epoch, step: step - 250 + 10 * i, observation, ...(i > 0 && { outcome }) })
        rig.clock.ms += 250
        rig.devices.get('car01')?.tick()
      }
      const sequence = 2 * epoch + step / 250
      const policies = {
        car03: rig.offer('car03', peerPolicies[epoch % 3] as Float64Array, sequence),
        car10: rig.offer('car10', peerPolicies[(epoch + 1) % 3] as Float64Array, sequence),
      }
      rig.ask('car01', { kind: 'learn', epoch, step, outcome: step === 500 ? last : outcome, observation: calm })
      while (rig.last('learn')?.step !== step || rig.last('learn')?.epoch !== epoch) await turn()
      rig.ask('car01', { kind: 'mix', epoch, step, policies })
      while (rig.last('mix')?.step !== step || rig.last('mix')?.epoch !== epoch) await turn()
    }
  }
}

/** One MCAP message as it lies in a file. */
export interface Message {
  readonly offset: number
  readonly length: number
  readonly topic: string
  readonly json: Record<string, unknown>
}

/** The messages of a file by the MCAP specification alone, for files that hold nothing but what the recorder writes. */
export function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = []
  const topics = new Map<number, string>()
  for (let at = 8; at + 9 <= bytes.length; ) {
    const length = 9 + Number(bytes.readBigUInt64LE(at + 1))
    if (at + length > bytes.length || bytes[at] === 15) break
    if (bytes[at] === 4)
      topics.set(bytes.readUInt16LE(at + 9), bytes.toString('utf8', at + 17, at + 17 + bytes.readUInt32LE(at + 13)))
    if (bytes[at] === 5) {
      const json = JSON.parse(bytes.toString('utf8', at + 31, at + length))
      messages.push({ offset: at, length, topic: topics.get(bytes.readUInt16LE(at + 9)) ?? '', json })
    }
    at += length
  }
  return messages
}

/** The file with one message's text changed to one of the same length, the chain of all that follows made right, its end cut. */
export function forged(path: string, message: Message, change: (text: string) => string): Buffer {
  const bytes = Buffer.from(readFileSync(path))
  const messages = messagesOf(bytes)
  const text = bytes.toString('utf8', message.offset + 31, message.offset + message.length)
  const changed = change(text)
  if (changed === text || Buffer.byteLength(changed) !== Buffer.byteLength(text))
    throw new Error(`the text must change and keep its length, got ${changed}`)
  bytes.write(changed, message.offset + 31)
  let chain = chainStart(bytes, messages)
  for (const { offset, length } of messages) {
    bytes.fill('0', offset + 41, offset + 105)
    chain = createHash('sha256')
      .update(chain)
      .update(bytes.subarray(offset, offset + length))
      .digest()
    bytes.write(chain.toString('hex'), offset + 41)
  }
  const end = messages.at(-1)
  return bytes.subarray(0, end ? end.offset + end.length : 0)
}

export function chainStart(bytes: Buffer, [first]: readonly Message[]): Buffer {
  return createHash('sha256').update(bytes.subarray(0, first?.offset)).digest()
}

/** Does something with a memory disk of so many bytes; skips the test where mounting is not allowed. */
export async function withSmallDisk(
  t: Test,
  directory: string,
  bytes: number,
  work: () => Promise<void>,
): Promise<void> {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'none', directory], { stdio: 'ignore' })
  } catch {
    t.plan(0, 'only root may mount a small disk here')
    return
  }
  try {
    await work()
  } finally {
    execFileSync('umount', [directory])
  }
}

/** Looks at the clock, and lets the disk have its turn, until something is so. */
export async function turnUntil(rig: Rig, ready: () => boolean): Promise<void> {
  while (!ready()) {
    await turn()
    rig.devices.get('car01')?.tick()
  }
}
