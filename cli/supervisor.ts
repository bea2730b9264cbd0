import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Processes } from '../schemas/process.ts'
import { boundedArguments, boundedEnvironment } from './bounded-heap.ts'
import type { Order } from './parent.ts'

type Role = Processes['processes'][number]['role']

export interface Task {
  readonly role: Role
  readonly vehicle: string | null
  /** Arguments of the bin. */
  readonly args: readonly string[]
  /** Started again when it dies before it was told to stop. */
  readonly restart: boolean
  readonly onMessage?: (message: unknown) => void
  /** Told of each end; `died` says that it was not asked for. */
  readonly onExit?: (end: {
    readonly code: number | null
    readonly signal: string | null
    readonly died: boolean
  }) => void
}

/** A process of the run. */
export interface Child {
  readonly task: Task
  readonly pid: number | null
  readonly restarts: number
  order(order: Order): void
  /** Resolves when it has ended for good. */
  readonly ended: Promise<number | null>
  kill(signal: NodeJS.Signals): void
}

export interface SupervisorOptions {
  /** A line that a child wrote for people. */
  readonly onLine: (task: Task, line: string) => void
  /** Called whenever a process started or ended. */
  readonly onChange: () => void
}

const bin = fileURLToPath(new URL('./main.js', import.meta.url))

/** How long a process must have lived for its death not to count against it. */
const steadyMs = 10_000
const maxQuickDeaths = 5

/**
 * Starts processes of our own bin and starts them again when they die. They get no terminal signals (own process group)
 * and end by themselves when their IPC channel closes, so none outlives its supervisor.
 */
export function startChild(task: Task, options: SupervisorOptions): Child {
  let child: ChildProcess | undefined
  let restarts = 0
  let quickDeaths = 0
  let stopping = false
  let resolveEnded: (code: number | null) => void = () => {}
  const ended = new Promise<number | null>((resolve) => {
    resolveEnded = resolve
  })

  const launch = (): void => {
    const startedAt = performance.now()
    const started = spawn(process.execPath, nodeArguments(task), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
      env: environment(task),
    })
    child = started
    started.on('message', (message) => task.onMessage?.(message))
    lines(started, (line) => options.onLine(task, line))
    started.on('error', (error) => options.onLine(task, error.message))
    // Not `exit`: its last words are still to be read then.
    started.on('close', (code, signal) => {
      child = undefined
      const died = !stopping && code !== 0
      task.onExit?.({ code, signal, died })
      quickDeaths = performance.now() - startedAt > steadyMs ? 0 : quickDeaths + 1
      const hopeless = code === 2 || code === 4 || quickDeaths > maxQuickDeaths
      if (!died || !task.restart || hopeless) {
        resolveEnded(code)
        options.onChange()
        return
      }
      restarts++
      setTimeout(() => (stopping ? resolveEnded(code) : launch()), Math.min(5_000, 100 * 2 ** quickDeaths))
      options.onChange()
    })
    options.onChange()
  }
  launch()

  return {
    task,
    ended,
    get pid() {
      return child?.pid ?? null
    },
    get restarts() {
      return restarts
    },
    order(order) {
      stopping = true
      if (child?.connected) child.send(order)
    },
    kill(signal) {
      stopping = true
      child?.kill(signal)
    },
  }
}

/** The command by which the process can be started again by hand. */
export function restartCommand(task: Task): string[] {
  return [process.execPath, ...nodeArguments(task)]
}

function nodeArguments({ role, args }: Task): string[] {
  return [...(role === 'device' ? boundedArguments : []), bin, ...args]
}

function environment({ role }: Task): NodeJS.ProcessEnv {
  // A child reads its own file only: what the user set for the fleet is in there, and would outrank it from here.
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TRUSTMIX_')))
  return { ...own, ...(role === 'device' && boundedEnvironment) }
}

/** A child's lines, bounded: what does not end within 4 kB is cut. */
function lines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = (parts.pop() ?? '').slice(-4096)
    for (const line of parts) if (line !== '') onLine(line)
  })
}
