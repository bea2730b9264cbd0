import {
  decodeSafetensors,
  type Estimator,
  gate,
  policyLayout,
  refusal,
  type Verdict,
  vectorFromTensors,
} from '../device/core/index.ts'
import { createReferenceEngine } from '../device/engines/reference.ts'
import { policyHash } from '../device/identity.ts'
import { exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { columnOf, policyOf, readBytes, readTensorFile, sameRows } from './tensor-file.ts'
import { describeToolOptions, readToolOptions } from './tool-options.ts'

const spec = {
  own: { kind: 'text', required: true, description: 'own policy (safetensors; a value network may be in it)' },
  peer: { kind: 'text', required: true, description: 'the peer policy to judge' },
  experience: { kind: 'text', required: true, description: 'own samples: obs, action, log_prob, advantage' },
  fisher: { kind: 'text', required: true, description: 'own newest states: obs, action' },
  gamma: { kind: 'number', default: 0.99, minimum: 0, exclusiveMaximum: 1, description: 'discount' },
  mode: { kind: 'choice', choices: ['theorem1', 'strict'], default: 'theorem1', description: 'reading of the bound' },
  estimator: {
    kind: 'choice',
    choices: ['exact', 'sampled', 'kfac'],
    default: 'exact',
    description: 'of the Fisher form',
  },
  margin: {
    kind: 'number',
    default: 0.1,
    minimum: 0,
    exclusiveMaximum: 1,
    description: 'share by which α stays below the bound',
  },
  json: { kind: 'flag', description: 'print the verdict as one JSON object' },
  help: { kind: 'flag', description: 'this text' },
} as const

/** Judges one peer policy on own samples; a damaged peer file is a rejection, damaged own data are exit 4. */
export const gateCommand: Command = {
  help: `trustmix gate: whether, and with which α, to mix a peer's policy into the own one (Theorem 1 of the letter).

Usage: trustmix gate --own own.safetensors --peer peer.safetensors --experience experience.safetensors --fisher fisher.safetensors --json

${describeToolOptions(spec)}

Exit code 0 whether accepted or rejected; 4 if own, experience or fisher file is damaged.`,
  async run(args, io) {
    const options = readToolOptions('gate', spec, args)
    const own = policyOf(options.own, readTensorFile(options.own))
    const { observationSize, actionSize } = own.architecture
    const experienceFile = readTensorFile(options.experience)
    const fisherFile = readTensorFile(options.fisher)
    const evidence = {
      observations: columnOf(options.experience, experienceFile, 'obs', observationSize),
      actions: columnOf(options.experience, experienceFile, 'action', actionSize),
      logProb: columnOf(options.experience, experienceFile, 'log_prob', null),
      advantage: columnOf(options.experience, experienceFile, 'advantage', null),
    }
    const states = {
      observations: columnOf(options.fisher, fisherFile, 'obs', observationSize),
      actions: columnOf(options.fisher, fisherFile, 'action', actionSize),
    }
    const gateOptions = {
      mode: options.mode as 'theorem1' | 'strict',
      estimator: options.estimator as Estimator,
      gamma: options.gamma,
      margin: options.margin,
      z: 1,
    }
    const identity = {
      ownHash: policyHash(own.policy),
      peerHash: null,
      peerId: null,
      peerBoot: null,
      peerSequence: null,
    }
    const judge = (): Verdict => {
      const opened = openPeer(readBytes(options.peer), own.architecture)
      if (opened.policy === undefined) return refusal(opened.reason, gateOptions, identity)
      return gate({
        engine: createReferenceEngine(own.architecture),
        own: own.policy,
        peer: opened.policy,
        evidence: {
          count: sameRows(options.experience, evidence),
          observations: evidence.observations.data,
          actions: evidence.actions.data,
          logProb: evidence.logProb.data,
          advantage: evidence.advantage.data,
        },
        states: {
          count: sameRows(options.fisher, states),
          observations: states.observations.data,
          actions: states.actions.data,
        },
        options: gateOptions,
        identity: { ...identity, peerHash: policyHash(opened.policy) },
      })
    }
    const verdict = judge()
    io.output(options.json ? `${JSON.stringify(verdict)}\n` : `${describe(verdict)}\n`)
    return exitCodes.ok
  },
}

type OpenedPeer =
  | { readonly policy: Float64Array }
  | { readonly policy?: undefined; readonly reason: 'malformed' | 'shape-mismatch' | 'non-finite' }

/** The peer's policy, or why it is not one for this agent. */
function openPeer(bytes: Uint8Array, architecture: Parameters<typeof policyLayout>[0]): OpenedPeer {
  let tensors: ReturnType<typeof decodeSafetensors>['tensors']
  try {
    tensors = decodeSafetensors(bytes).tensors
  } catch {
    return { reason: 'malformed' }
  }
  try {
    const names = new Set(policyLayout(architecture).tensors.map(({ name }) => name))
    const policyOnly = new Map([...tensors].filter(([name]) => names.has(name) || !name.startsWith('value.')))
    const policy = vectorFromTensors(policyLayout(architecture), policyOnly)
    return policy.every(Number.isFinite) ? { policy } : { reason: 'non-finite' }
  } catch {
    return { reason: 'shape-mismatch' }
  }
}

function describe(verdict: Verdict): string {
  const rows = Object.entries(verdict).map(([name, value]) => `  ${name.padEnd(22)}${value === null ? '–' : value}`)
  return [verdict.accepted ? `accepted with α = ${verdict.alpha}` : `rejected: ${verdict.reason}`, ...rows].join('\n')
}
