import {
  type Architecture,
  createAdam,
  type Engine,
  gate,
  kroneckerFisher,
  kroneckerForm,
  type Learner,
  type Verdict,
} from '../../device/core/index.ts'
import type { Contender, Task } from './contender.ts'
import { createMaterialisedFisher } from './materialised.ts'
import { gateOptions, minibatchSize, ppo, type Workload } from './workload.ts'

/** One of our engines; the reference engine also stands for plain JavaScript and builds the matrix as the letter does. */
export function ours(createEngine: (architecture: Architecture) => Engine, workload: Workload): Contender {
  const engine = createEngine(workload.architecture)
  const plain = engine.id.startsWith('reference')
  return {
    about: `${engine.id}, Node ${process.version}`,
    tasks: {
      inference: inference(engine, workload),
      // An engine has one update at a time.
      step: step(createEngine(workload.architecture), workload),
      update: update(engine, workload),
      fisher: fisher(engine, workload, 'turns'),
      'fisher-cached': fisher(engine, workload, 'kept'),
      'gate-cold-256': judgement(engine, workload, 256, 'turns'),
      'gate-warm-256': judgement(engine, workload, 256, 'kept'),
      'gate-cold-50': judgement(engine, workload, 50, 'turns'),
      'gate-warm-50': judgement(engine, workload, 50, 'kept'),
      ...(plain ? { 'fisher-kfac': kfac(workload), 'fisher-materialised': materialised(workload) } : {}),
    },
  }
}

function inference(engine: Engine, { policy, batch }: Workload): Task {
  const actor = engine.createActor()
  actor.load(policy)
  const rows = Array.from({ length: 64 }, (_, i) => batch.observations.slice(6 * i, 6 * i + 6))
  const action = new Float32Array(1)
  let n = 0
  return {
    run: () => actor.act(rows[n++ % rows.length]!, action),
    result() {
      const mean = new Float64Array(1)
      engine.policyMean(policy, rows[0]!, 1, mean)
      return mean
    },
  }
}

function step(engine: Engine, workload: Workload): Task {
  const { batch, order } = workload
  const steps = order.length / minibatchSize
  let running = engine.startUpdate(freshLearner(workload), batch, ppo)
  let n = 0
  return {
    run() {
      const begin = minibatchSize * (n++ % steps)
      return running.step(order.subarray(begin, begin + minibatchSize))
    },
    result() {
      n = 0
      const values = learned(engine, workload, 1)
      running = engine.startUpdate(freshLearner(workload), batch, ppo)
      return values
    },
  }
}

function update(engine: Engine, workload: Workload): Task {
  const all = () => learned(engine, workload, workload.order.length / minibatchSize)
  return { run: all, result: all }
}

/** All parameters after the first `steps` minibatches, from a fresh start. */
export function learned(engine: Engine, workload: Workload, steps: number): Float64Array {
  const learner = freshLearner(workload)
  const session = engine.startUpdate(learner, workload.batch, ppo)
  for (let k = 0; k < steps; k++) session.step(workload.order.subarray(k * minibatchSize, (k + 1) * minibatchSize))
  session.finish()
  return Float64Array.of(...learner.policy, ...learner.value)
}

/** A learner at the workload's start. */
export function freshLearner({ policy, value }: Workload): Learner {
  const adam = createAdam(policy.length + value.length)
  return { policy: Float64Array.from(policy), value: Float64Array.from(value), adam }
}

/** Whether two own policies take turns, so that nothing kept from the call before helps, or one stays. */
type Own = 'turns' | 'kept'

function fisher(engine: Engine, { policy, otherPolicy, peers, states }: Workload, own: Own): Task {
  const owns = (own === 'turns' ? [policy, otherPolicy] : [policy]).map(asReceived)
  const others = peers.map(asReceived)
  const count = states.length / engine.architecture.observationSize
  let n = 0
  return {
    run: () => engine.fisherExact(owns[n % owns.length]!, others[n++ % others.length]!, states, count),
    result: () => [engine.fisherExact(owns[0]!, others[0]!, states, count)],
  }
}

function kfac({ architecture, policy, otherPolicy, peers, states }: Workload): Task {
  const count = states.length / architecture.observationSize
  const q = (own: Float64Array, delta: Float64Array) =>
    kroneckerForm(kroneckerFisher(architecture, own, states, count), delta)
  let n = 0
  return {
    run: () => q(n % 2 === 0 ? policy : otherPolicy, peers[n++ % peers.length]!),
    result: () => [q(policy, peers[0]!)],
  }
}

function materialised({ architecture, policy, peers, states }: Workload): Task {
  const count = states.length / architecture.observationSize
  const form = createMaterialisedFisher(architecture)
  const q = () => form(policy, difference(peers[0]!, policy), states, count)
  return { run: q, result: () => [q()] }
}

function judgement(engine: Engine, workload: Workload, count: number, own: Own): Task {
  const { policy, otherPolicy, peers, advantages, evidence, states } = workload
  const owns = (own === 'turns' ? [policy, otherPolicy] : [policy]).map(asReceived)
  const identity = { ownHash: null, peerHash: null, peerId: null, peerBoot: null, peerSequence: null }
  const newest = { count, observations: states.subarray(0, count * engine.architecture.observationSize) }
  const judged = peers.map((peer, i) => ({
    peer: asReceived(peer),
    evidence: { ...evidence, count, advantage: advantages[i]! },
  }))
  const judge = (theta: Float32Array, index: number): Verdict => {
    const verdict = gate({ ...judged[index]!, engine, own: theta, states: newest, options: gateOptions, identity })
    if (!verdict.accepted) throw new Error(`the benchmark's peers must be accepted, got ${verdict.reason}`)
    return verdict
  }
  let n = 0
  return {
    run: () => judge(owns[n % owns.length]!, n++ % peers.length),
    result() {
      const { policyAdvantageMean, standardError, effectiveSampleSize, fisher, alpha, kl } = judge(owns[0]!, 0)
      return [policyAdvantageMean, standardError, effectiveSampleSize, fisher, alpha, kl].map(Number)
    },
  }
}

/** As policies travel and are judged: float32. */
function asReceived(policy: Float64Array): Float32Array {
  return Float32Array.from(policy)
}

function difference(peer: Float64Array, own: Float64Array): Float64Array {
  return peer.map((x, i) => x - own[i]!)
}
