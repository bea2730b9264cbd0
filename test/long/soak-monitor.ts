import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import { channels } from '../../schemas/topics.ts'
import { inPage, openBrowser, until } from '../support/browser.ts'
import { type DebuggedPage, debugPage } from '../support/devtools.ts'
import { bin } from '../support/fleet.ts'
import { isOnPath, isRequired } from '../support/require.ts'

const usage = `npm run soak:monitor [-- SECONDS]: the page with 1000 vehicles and 400 verdicts a second at the embedded broker.

  SECONDS   how long, once all are there (default 600)

Ends with exit status 1 where the page grows, stutters or is not current.`

const vehicles = 1_000
/** Heap at the end against that after a fifth of the time. */
const mostGrowth = 0.1
const leastFramesPerSecond = 30
const longestFrameMs = 100

const views: readonly (readonly [hash: string, shows: string])[] = [
  ['#/road', '.road-picture canvas'],
  ['#/collaboration', '.matrix canvas'],
  ['#/learning', '.chart canvas'],
  ['#/vehicle/v0001', '.evidence'],
  ['#/alarms', 'h1'],
  ['#/fleet', 'tr[data-vehicle]'],
]

let passed = 0
let failed = 0

function check(holds: boolean, what: string): void {
  if (holds) passed++
  else failed++
  say(`${holds ? 'ok    ' : 'FAILED'} ${what}`)
}

async function soak(seconds: number, teardown: (end: () => unknown) => void): Promise<void> {
  const broker = await startBroker(teardown)
  const opened = await debugPage({ teardown }, await openBrowser({ teardown }), broker.page)
  await startLoad(broker.port, teardown)
  await until(opened, "document.querySelector('main') !== null", 10_000)
  await goTo(opened, '#/fleet', 'tr[data-vehicle]')
  await until(opened, `/1.000 vehicles/.test(document.querySelector('.view-note').textContent)`, 60_000)
  say(`${vehicles} vehicles are there`)
  // Until every pair has been judged once, what is kept still grows.
  await pause(15)

  const witness = await startWitness(broker.port, teardown)

  const [cpuAt, startedAt] = [cpuSeconds(broker.child), performance.now()]
  const first = await everyView(opened, 0.2 * seconds)
  const early = await heap(opened)
  await stayHidden(opened, witness, 0.5 * seconds)
  const second = await everyView(opened, 0.3 * seconds)
  const late = await heap(opened)
  for (const [i, [hash]] of views.entries()) {
    const { frames, p99, said } = smoothness([...(first[i] ?? []), ...(second[i] ?? [])])
    check(frames >= leastFramesPerSecond && p99 <= longestFrameMs, `${hash}, both times: ${said}`)
  }
  const growth = late / early - 1
  check(growth <= mostGrowth, `heap ${mib(early)} MiB after a fifth, ${mib(late)} MiB at the end`)
  const share = (cpuSeconds(broker.child) - cpuAt) / ((performance.now() - startedAt) / 1_000)
  say(`broker: ${(100 * share).toFixed(0)} % of a core`)
  const status = await inPage<string>(opened, "document.querySelector('.status-line').textContent")
  say(`page: ${status.replaceAll(/\s+/g, ' ')}`)
  check(/^Connected/.test(await inPage(opened, "document.querySelector('.chip').textContent")), 'still connected')
  check(opened.problems.length === 0, `nothing on the console ${opened.problems.slice(0, 3).join(' | ')}`)
}

/** Goes to a view of the page and waits for what it shows. */
async function goTo(opened: DebuggedPage, hash: string, shows: string): Promise<void> {
  await inPage(opened, `location.hash = ${JSON.stringify(hash)}`)
  await until(opened, `document.querySelector(${JSON.stringify(shows)}) !== null`, 10_000)
}

/** Looks at each view for its part of the time; returns how long its frames took, ms. */
async function everyView(opened: DebuggedPage, seconds: number): Promise<readonly (readonly number[])[]> {
  const all: number[][] = []
  for (const [hash, shows] of views) {
    await goTo(opened, hash, shows)
    const spans = await inPage<number[]>(
      opened,
      `new Promise((resolve) => {
        const spans = []
        const end = performance.now() + ${(1_000 * seconds) / views.length}
        let before = performance.now()
        const frame = (now) => {
          spans.push(now - before)
          before = now
          if (now < end) requestAnimationFrame(frame)
          else resolve(spans.slice(1))
        }
        requestAnimationFrame(frame)
      })`,
    )
    say(`       ${hash}: ${smoothness(spans).said}`)
    all.push(spans)
  }
  return all
}

/** Frames per second and their 99th percentile, ms. */
function smoothness(spans: readonly number[]): { frames: number; p99: number; said: string } {
  const frames = (1_000 * spans.length) / spans.reduce((total, span) => total + span, 0)
  const sorted = [...spans].sort((a, b) => a - b)
  const p99 = sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Number.NaN
  const longest = sorted.at(-1) ?? Number.NaN
  const said = `${frames.toFixed(0)} frames/s, p99 ${p99.toFixed(0)} ms, longest ${longest.toFixed(0)} ms`
  return { frames, p99, said }
}

/** Hides the page for a time; when it is shown again it must show what is newest within a second. */
async function stayHidden(opened: DebuggedPage, witness: Witness, seconds: number): Promise<void> {
  await goTo(opened, '#/fleet', 'tr[data-vehicle="v0000"]')
  const column = `[...document.querySelectorAll('thead th')].findIndex((cell) => /^Samples/.test(cell.textContent))`
  const shown = `Number(document.querySelector('tr[data-vehicle="v0000"]').children[${column}].textContent.replace(/\\D/g, ''))`
  const show = await opened.hide()
  await until(opened, "document.visibilityState === 'hidden'", 5_000)
  const before = await inPage<number>(opened, shown)
  await pause(seconds)
  const still = await inPage<number>(opened, shown)
  const newest = witness.samples
  await show()
  const shownAt = performance.now()
  const current = await until<boolean>(opened, `${shown} >= ${newest}`, 1_000).catch(() => false)
  const after = `${((performance.now() - shownAt) / 1_000).toFixed(2)} s`
  check(still === before && newest > before, `hidden for ${seconds.toFixed(0)} s it drew nothing`)
  check(current, `shown again it is current after ${after}`)
}

/** What the first vehicle has said last, heard by somebody else. */
interface Witness {
  samples: number
}

async function startWitness(port: number, teardown: (end: () => unknown) => void): Promise<Witness> {
  const bus = createMqttBus({ url: `mqtt://127.0.0.1:${port}`, clientId: 'witness' })
  teardown(() => bus.close())
  const witness: Witness = { samples: 0 }
  bus.subscribe(channels.telemetry, { fleet: 'demo', vehicle: 'v0000' }, (message) => {
    witness.samples = message['Vehicle.Private.Trustmix.Samples'] ?? 0
  })
  await bus.ready
  return witness
}

/** Bytes in use after everything that nobody needs was collected. */
async function heap({ session }: DebuggedPage): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  const usage = await session.send('Runtime.getHeapUsage')
  return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize
}

interface RunningBroker {
  readonly child: ChildProcess
  readonly port: number
  readonly page: string
}

async function startBroker(teardown: (end: () => unknown) => void): Promise<RunningBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'trustmix-soak-'))
  teardown(() => rmSync(folder, { recursive: true, force: true }))
  const ids = Array.from({ length: vehicles }, (_, n) => `v${String(n).padStart(4, '0')}`)
  const users = Object.fromEntries([
    ...ids.map((id) => [id, { role: 'device', id, password: `${id}-secret` }]),
    ['bridge', { role: 'bridge', id: 'bridge', password: 'bridge-secret' }],
  ])
  writeFileSync(join(folder, 'users.json'), JSON.stringify({ version: 1, users }))
  const args = ['broker', '--port', '0', '--monitor-port', '0', '--users-file', join(folder, 'users.json')]
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  teardown(() => ended(child))
  return await new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
      const [port, page] = [/listening on mqtt:\S+:(\d+)/, /monitor at (\S+)/].map((found) => found.exec(said)?.[1])
      if (port && page) resolve({ child, port: Number(port), page })
    })
    child.once('exit', () => reject(new Error(`the broker must run:\n${said}`)))
  })
}

async function startLoad(port: number, teardown: (end: () => unknown) => void): Promise<void> {
  const script = fileURLToPath(new URL('../support/monitor-load.js', import.meta.url))
  const child = spawn(process.execPath, [script, String(port), String(vehicles)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  teardown(() => ended(child))
  const exited = once(child, 'exit').then(() => {
    throw new Error('the load must run until it is ended')
  })
  exited.catch(() => {})
  await Promise.race([once(child.stdout, 'data'), exited])
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}

/** CPU time of a process so far (Linux: clock ticks of 10 ms). */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000 * seconds))
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

const [asked = '600'] = process.argv.slice(2)
const seconds = Number(asked)
if (!(seconds >= 10)) {
  say(usage)
  process.exitCode = asked === '--help' ? 0 : 2
} else if (!isOnPath('chromium') && !isRequired('chromium')) {
  say('chromium is not on PATH\n0 passed, 0 failed, 1 skipped')
} else {
  const ends: (() => unknown)[] = []
  try {
    await soak(seconds, (end) => void ends.unshift(end))
  } catch (error) {
    check(false, error instanceof Error ? error.message : String(error))
  }
  for (const end of ends) await end()
  say(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}
