import { join } from 'node:path'
import type * as Tf from '@tensorflow/tfjs'
import type { Layout, Vector } from '../../device/core/index.ts'
import type { Contender, Task } from './contender.ts'
import { folderOf, loadModule } from './load-module.ts'
import { gateOptions, layouts, minibatchSize, ppo, type Workload } from './workload.ts'

type TensorFlow = typeof Tf

/** TensorFlow.js on its WebAssembly backend (SIMD, one thread). Rejects where the package is not found. */
export async function tensorflowWasm(workload: Workload): Promise<Contender> {
  const backend = '@tensorflow/tfjs-backend-wasm'
  const { module, version } = await loadModule<{
    setWasmPaths(folder: string): void
    setThreadsCount(count: number): void
  }>(backend)
  const { module: tf } = await loadModule<TensorFlow>('@tensorflow/tfjs', backend)
  module.setThreadsCount(1)
  module.setWasmPaths(`${join(folderOf(backend), 'dist')}/`)
  if (!(await tf.setBackend('wasm'))) throw new Error('backend wasm must start, but TensorFlow.js refused it')
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')
  return contender(tf, workload, `${backend} ${version}, SIMD ${simd}, 1 thread`)
}

/** TensorFlow.js over TensorFlow's C library. Rejects where the package is not found or not built. */
export async function tensorflowNode(workload: Workload): Promise<Contender> {
  const { module: tf, version } = await loadModule<TensorFlow>('@tensorflow/tfjs-node')
  await tf.ready()
  return contender(tf, workload, `@tensorflow/tfjs-node ${version}, backend ${tf.getBackend()}`)
}

type Parameters = Readonly<Record<string, Tf.Tensor>>

/** The workload as one writes it with TensorFlow.js: autodiff for PPO, the forward-mode product by hand (it has none). */
function contender(tf: TensorFlow, workload: Workload, about: string): Contender {
  const layout = layouts(workload)
  const { policy, value, otherPolicy, peers, batch, order, evidence, advantages, states } = workload
  const rows = (values: Vector, width: number, count: number) =>
    tf.tensor2d(Float32Array.from(values.subarray(0, count * width)), [count, width])
  const own = tensorsOf(tf, layout.policy, policy)
  const other = tensorsOf(tf, layout.policy, otherPolicy)
  const others = peers.map((peer) => tensorsOf(tf, layout.policy, peer))
  const deltas = peers.map((peer) =>
    tensorsOf(
      tf,
      layout.policy,
      peer.map((x, i) => x - policy[i]!),
    ),
  )

  function forward(p: Parameters, prefix: string, x: Tf.Tensor): Tf.Tensor[] {
    const layer = (from: Tf.Tensor, l: number) =>
      tf.add(
        tf.matMul(from as Tf.Tensor2D, p[`${prefix}.${l}.weight`] as Tf.Tensor2D, false, true),
        p[`${prefix}.${l}.bias`]!,
      )
    const h1 = tf.tanh(layer(x, 0))
    const h2 = tf.tanh(layer(h1, 2))
    return [layer(h2, 4), h1, h2]
  }
  function logProb(p: Parameters, mean: Tf.Tensor, action: Tf.Tensor): Tf.Tensor {
    const z = tf.div(tf.sub(action, mean), tf.exp(p.log_std!))
    return tf.sum(tf.sub(tf.mul(tf.square(z), -0.5), tf.add(p.log_std!, 0.5 * Math.log(2 * Math.PI))), 1)
  }
  function fisher(p: Parameters, d: Parameters, x: Tf.Tensor): Tf.Tensor {
    const [, h1, h2] = forward(p, 'policy', x)
    const along = (h: Tf.Tensor, dh: Tf.Tensor | undefined, l: number) => {
      const weight = (from: Parameters) => from[`policy.${l}.weight`] as Tf.Tensor2D
      const direct = tf.add(tf.matMul(h as Tf.Tensor2D, weight(d), false, true), d[`policy.${l}.bias`]!)
      return dh === undefined ? direct : tf.add(direct, tf.matMul(dh as Tf.Tensor2D, weight(p), false, true))
    }
    const slope = (h: Tf.Tensor) => tf.sub(1, tf.square(h))
    const d1 = tf.mul(along(x, undefined, 0), slope(h1!))
    const d2 = tf.mul(along(h1!, d1, 2), slope(h2!))
    const change = tf.div(along(h2!, d2, 4), tf.exp(p.log_std!))
    return tf.add(tf.sum(tf.mean(tf.square(change), 0)), tf.mul(2, tf.sum(tf.square(d.log_std!))))
  }

  function inference(): Task {
    const observation = Float32Array.from(batch.observations.subarray(0, 6))
    const mean = () =>
      tf.tidy(() => forward(own, 'policy', tf.tensor2d(observation, [1, 6]))[0]!.dataSync() as Float32Array)
    return { run: mean, result: mean }
  }

  function training(): Record<'step' | 'update', Task> {
    const columns = {
      observations: rows(batch.observations, 6, batch.count),
      actions: rows(batch.actions, 1, batch.count),
      ...Object.fromEntries(
        (['logProb', 'advantage', 'returns'] as const).map((name) => [
          name,
          tf.tensor1d(Float32Array.from(batch[name])),
        ]),
      ),
    } as Record<'observations' | 'actions' | 'logProb' | 'advantage' | 'returns', Tf.Tensor>
    const steps = order.length / minibatchSize
    const indices = Array.from({ length: steps }, (_, k) =>
      tf.tensor1d(order.slice(k * minibatchSize, (k + 1) * minibatchSize), 'int32'),
    )
    const start = { ...own, ...tensorsOf(tf, layout.value, value) }
    const fresh = () => {
      const variables = Object.fromEntries(
        Object.entries(start).map(([name, tensor]) => [name, tf.variable(tensor, true)] as const),
      )
      const adam = tf.train.adam(ppo.learningRate, 0.9, 0.999, ppo.adamEpsilon)
      const list = Object.values(variables)
      const step = (k: number) =>
        tf.tidy(() => {
          const of = (name: keyof typeof columns) => tf.gather(columns[name], indices[k % steps]!)
          const { grads } = tf.variableGrads(() => loss(variables, of), list)
          const norm = tf.sqrt(tf.addN(Object.values(grads).map((g) => tf.sum(tf.square(g)))))
          const scale = tf.minimum(1, tf.div(ppo.maxGradNorm, tf.add(norm, 1e-6)))
          adam.applyGradients(Object.fromEntries(Object.entries(grads).map(([name, g]) => [name, tf.mul(g, scale)])))
        })
      const values = () => [...flat(layout.policy, variables), ...flat(layout.value, variables)]
      const dispose = () => {
        tf.dispose(list)
        adam.dispose()
      }
      return { step, values, dispose }
    }
    const learn = (count: number) => {
      const learner = fresh()
      for (let k = 0; k < count; k++) learner.step(k)
      const values = learner.values()
      learner.dispose()
      return values
    }
    const running = fresh()
    let n = 0
    return {
      step: { run: () => running.step(n++), result: () => learn(1) },
      update: { run: () => learn(steps), result: () => learn(steps) },
    }
  }

  function loss(
    p: Parameters,
    of: (name: 'observations' | 'actions' | 'logProb' | 'advantage' | 'returns') => Tf.Tensor,
  ): Tf.Scalar {
    const observations = of('observations')
    const { mean: centre, variance } = tf.moments(of('advantage'))
    const unbiased = tf.sqrt(tf.mul(variance, minibatchSize / (minibatchSize - 1)))
    const advantage = tf.div(tf.sub(of('advantage'), centre), tf.add(unbiased, 1e-8))
    const ratio = tf.exp(tf.sub(logProb(p, forward(p, 'policy', observations)[0]!, of('actions')), of('logProb')))
    const clipped = tf.clipByValue(ratio, 1 - ppo.clipRange, 1 + ppo.clipRange)
    const surrogate = tf.minimum(tf.mul(ratio, advantage), tf.mul(clipped, advantage))
    const error = tf.sub(tf.squeeze(forward(p, 'value', observations)[0]!, [1]), of('returns'))
    const valueLoss = tf.mul(0.5, tf.mean(tf.square(error)))
    const entropy = tf.sum(tf.add(p.log_std!, 0.5 + 0.5 * Math.log(2 * Math.PI)))
    const policyLoss = tf.neg(tf.mean(surrogate))
    return tf.add(tf.add(policyLoss, tf.mul(-ppo.entropyCoef, entropy)), tf.mul(ppo.valueCoef, valueLoss))
  }

  function fisherTask(): Task {
    const x = rows(states, 6, states.length / 6)
    const q = (p: Parameters, i: number) => tf.tidy(() => fisher(p, deltas[i]!, x).dataSync() as Float32Array)
    let n = 0
    return { run: () => q(n % 2 === 0 ? own : other, n++ % peers.length), result: () => q(own, 0) }
  }

  function judgement(count: number): Task {
    const x = rows(states, 6, count)
    const [observations, actions] = [rows(evidence.observations, 6, count), rows(evidence.actions, 1, count)]
    const behaviour = tf.tensor1d(Float32Array.from(evidence.logProb.subarray(0, count)))
    const advantage = advantages.map((row) => tf.tensor1d(Float32Array.from(row.subarray(0, count))))
    const judge = (p: Parameters, i: number): number[] =>
      tf.tidy(() => {
        const weightOf = (from: Parameters) =>
          tf.exp(tf.sub(logProb(from, forward(from, 'policy', observations)[0]!, actions), behaviour))
        const peerWeight = weightOf(others[i]!)
        const terms = tf.mul(tf.sub(peerWeight, weightOf(p)), advantage[i]!)
        const { mean, variance } = tf.moments(terms)
        const scalars = tf
          .stack([
            mean,
            tf.sqrt(tf.div(variance, count - 1)),
            tf.div(tf.square(tf.sum(peerWeight)), tf.sum(tf.square(peerWeight))),
            fisher(p, deltas[i]!, x),
            tf.max(tf.abs(advantage[i]!)),
          ])
          .dataSync()
        const [average = 0, error = 0, size = 0, q = 0, epsilon = 0] = scalars
        const { gamma, margin } = gateOptions
        const c = (2 * epsilon * gamma) / (1 - gamma) ** 2
        const alpha = (1 - margin) * Math.min(1, Math.sqrt((2 * average) / (1 - gamma) / c / q))
        const mixed = Object.fromEntries(
          Object.entries(p).map(([name, tensor]) => [name, tf.add(tensor, tf.mul(alpha, deltas[i]![name]!))]),
        )
        const [from, to] = [forward(p, 'policy', x)[0]!, forward(mixed, 'policy', x)[0]!]
        const change = tf.sub(mixed.log_std!, p.log_std!)
        const z = tf.div(tf.sub(to, from), tf.exp(mixed.log_std!))
        const spread = tf.add(change, tf.mul(0.5, tf.expm1(tf.mul(-2, change))))
        const kl = tf.add(tf.sum(spread), tf.mean(tf.mul(0.5, tf.square(z)))).dataSync()[0] ?? Number.NaN
        return [average, error, size, q, alpha, kl]
      })
    let n = 0
    return { run: () => judge(n % 2 === 0 ? own : other, n++ % peers.length), result: () => judge(own, 0) }
  }

  return {
    about,
    tasks: {
      inference: inference(),
      ...training(),
      fisher: fisherTask(),
      'gate-cold-256': judgement(256),
      'gate-cold-50': judgement(50),
    },
  }
}

function tensorsOf(tf: TensorFlow, layout: Layout, vector: Float64Array): Parameters {
  return Object.fromEntries(
    layout.tensors.map(({ name, shape, offset, size }) => [
      name,
      tf.tensor(Float32Array.from(vector.subarray(offset, offset + size)), [...shape]),
    ]),
  )
}

function flat(layout: Layout, parameters: Parameters): number[] {
  return layout.tensors.flatMap(({ name }) => [...parameters[name]!.dataSync()])
}
