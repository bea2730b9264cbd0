import { fileURLToPath } from 'node:url'
import type { Absent } from '../absent.ts'
import { type Figure, figureOf, median } from '../measure.ts'
import { type TaskName, taskAbout, taskNames } from './contender.ts'
import { engineNames } from './engines.ts'
import { type PeerProcess, startPeer } from './peer-process.ts'
import type { Workload } from './workload.ts'

/** One contender at one kind of work. */
export interface FieldFigure extends Figure {
  readonly task: TaskName
  readonly contender: string
  /** µs per call by the clock; `minimum` and `median` are CPU time of the whole process. */
  readonly wallMedian: number
  /**
   * Largest difference from our reference engine on the defined instance: parameters relative to the farthest that one
   * moved, other numbers each relative to themselves.
   */
  readonly difference: number
}

export interface Field {
  readonly peers: readonly PeerProcess[]
  readonly absent: readonly Absent[]
  close(): Promise<void>
}

/** Starts our engines and every peer that is found here, each in a process of its own. */
export async function startField(folder: string, quick: boolean, cleanrl: string | undefined): Promise<Field> {
  const serve = fileURLToPath(new URL('serve.js', import.meta.url))
  const script = fileURLToPath(new URL('../../../bench/python/core_peer.py', import.meta.url))
  const python = process.env.TRUSTMIX_PYTHON ?? 'python3'
  const node = (name: string) => () => startPeer(name, process.execPath, [serve, name, folder])
  const pythonPeer = (kind: string, ...rest: string[]) => {
    const name = kind === 'onnxruntime' ? 'onnxruntime-python' : kind
    return () => startPeer(name, python, [script, kind, folder, ...rest])
  }
  const starts = [
    ...engineNames.map(node),
    ...['tensorflow-wasm', 'tensorflow-node', 'onnxruntime-node'].map(node),
    pythonPeer('torch'),
    // Compiling takes minutes.
    ...(quick ? [] : [pythonPeer('torch-compile')]),
    pythonPeer('jax'),
    pythonPeer('onnxruntime'),
    ...(cleanrl === undefined ? [] : [pythonPeer('cleanrl', cleanrl)]),
  ]
  const peers: PeerProcess[] = []
  const absent: Absent[] = []
  for (const start of starts) {
    const found = await start()
    if ('time' in found) peers.push(found)
    else absent.push(found)
  }
  if (quick) absent.push({ name: 'torch-compile', command: '--quick', reason: 'compiling takes minutes' })
  if (cleanrl === undefined)
    absent.push({ name: 'cleanrl', command: 'bench', reason: 'give --cleanrl PATH/ppo_continuous_action.py' })
  return {
    peers,
    absent,
    async close() {
      for (const peer of peers) await peer.close()
    },
  }
}

/** Times each kind of work, the contenders in turns, and checks their numbers. */
export async function runField(
  { peers }: Field,
  workload: Workload,
  quick: boolean,
  print: (figures: readonly FieldFigure[], ours: FieldFigure | undefined) => void,
): Promise<{ readonly figures: readonly FieldFigure[]; readonly absent: readonly Absent[] }> {
  const reference = peers.find(({ name }) => name === 'reference')!
  const figures: FieldFigure[] = []
  const absent: Absent[] = []
  const failed = new Set<string>()
  for (const task of taskNames) {
    const wanted = (await reference.result(instanceOf(task))).values
    const turns: Turn[] = []
    for (const peer of peers) {
      if (!peer.tasks.includes(task) || failed.has(peer.name)) continue
      try {
        const { values, wallUs, cpuUs } = await peer.result(task)
        const difference = relativeDifference(task, values, wanted, workload)
        // The first call of some contenders compiles, so it is no figure; but the matrix is seconds of work for all.
        const once = quick && task === 'fisher-materialised' ? { wallUs, cpuUs } : await peer.time(task, 1)
        if (once.cpuUs > (quick ? 800_000 : 8_000_000))
          turns.push({ peer, difference, calls: { batch: 1, repetitions: 0 }, cpu: [once.cpuUs], wall: [once.wallUs] })
        else turns.push({ peer, difference, calls: await callsOf(peer, task, quick), cpu: [], wall: [] })
      } catch (error) {
        failed.add(peer.name)
        const reason = error instanceof Error ? error.message : String(error)
        absent.push({ name: `${peer.name} from ${task} on`, command: peer.about, reason })
      }
    }
    for (let r = 0; r < (quick ? 5 : 15); r++) {
      for (const { peer, calls, cpu, wall } of turns) {
        if (calls.repetitions <= r) continue
        const { wallUs, cpuUs } = await peer.time(task, calls.batch)
        cpu.push(cpuUs)
        wall.push(wallUs)
      }
    }
    const found = turns.map(({ peer, difference, cpu, wall }) => ({
      ...figureOf(`${task}/${peer.name}`, 'µs', cpu, taskAbout[task]),
      ...{ task, contender: peer.name, wallMedian: median(wall), difference },
    }))
    figures.push(...found)
    // Kinds of work that the devices' engine has not are beside the form that it uses instead.
    print(
      found,
      figures.findLast((f) => f.contender === engineNames[0] && (f.task === task || f.task === 'fisher')),
    )
  }
  return { figures, absent }
}

interface Turn {
  readonly peer: PeerProcess
  readonly difference: number
  readonly calls: { readonly batch: number; readonly repetitions: number }
  readonly cpu: number[]
  readonly wall: number[]
}

/** Warms up, and finds how many calls fill a repetition and how many repetitions fit. */
async function callsOf(peer: PeerProcess, task: TaskName, quick: boolean): Promise<Turn['calls']> {
  const [fill, warm, most] = quick ? [15_000, 100_000, 800_000] : [40_000, 400_000, 8_000_000]
  let spent = 0
  let perCall = 0
  for (let batch = 1; spent < warm; batch *= 2) {
    perCall = (await peer.time(task, batch)).cpuUs
    spent += perCall * batch
  }
  const batch = Math.max(1, Math.round(fill / perCall))
  return { batch, repetitions: Math.max(quick ? 1 : 3, Math.floor(most / (perCall * batch))) }
}

/** The kind of work whose defined instance has the numbers that this one must have. */
function instanceOf(task: TaskName): TaskName {
  return task === 'fisher-cached' || task === 'fisher-materialised' ? 'fisher' : task
}

function relativeDifference(
  task: TaskName,
  found: readonly number[],
  wanted: readonly number[],
  { policy, value }: Workload,
): number {
  if (found.length !== wanted.length) return Number.NaN
  const errors = found.map((x, i) => Math.abs(x - wanted[i]!))
  if (task !== 'step' && task !== 'update') return Math.max(...errors.map((error, i) => error / Math.abs(wanted[i]!)))
  const start = [...policy, ...value]
  return Math.max(...errors) / Math.max(...wanted.map((x, i) => Math.abs(x - start[i]!)))
}
