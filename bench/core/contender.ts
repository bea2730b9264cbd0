/** The kinds of work of the core table, in its order. */
export const taskNames = [
  'inference',
  'step',
  'update',
  'fisher',
  'fisher-cached',
  'fisher-kfac',
  'fisher-materialised',
  'gate-cold-256',
  'gate-warm-256',
  'gate-cold-50',
  'gate-warm-50',
] as const

export type TaskName = (typeof taskNames)[number]

/** What each kind of work is, in one line. */
export const taskAbout: Readonly<Record<TaskName, string>> = {
  inference:
    'batch 1, policy 6-64-64-1; ours with the draw of the action and its log-probability, peers the mean alone',
  step: 'one PPO minibatch step of 64: policy and value, both passes, norm clip, Adam',
  update: '2048 samples × 10 epochs = 320 such steps, the same rows in the same order',
  fisher: 'q = Δᵀ G Δ, closed form over actions, K = 256 states, own policy new each time',
  'fisher-cached': 'the same, own policy and states as before: only Δ is new',
  'fisher-kfac': 'q by Kronecker factors, own policy new each time',
  'fisher-materialised': 'q with the matrix G built, as the letter writes it',
  'gate-cold-256': 'one judgement, M = K = 256: advantage, q, bound, exact KL; own policy new each time',
  'gate-warm-256': 'the same, own policy and states as before: only the peer is new',
  'gate-cold-50': 'one judgement, M = K = 50, own policy new each time',
  'gate-warm-50': 'the same, own policy and states as before',
}

/** One kind of work of one contender, ready to run again and again. */
export interface Task {
  /** Does the work once. */
  run(): unknown
  /**
   * The numbers of a defined instance of the work, for the check: the mean action of row 0; all parameters (policy, value)
   * after the first minibatch of `order`, or after all; q of peer 0; Ā, its standard error, effective sample size, q, α
   * and KL of peer 0.
   */
  result(): ArrayLike<number> | Promise<ArrayLike<number>>
}

/** An implementation that takes part. */
export interface Contender {
  /** Versions, arithmetic, threads. */
  readonly about: string
  readonly tasks: Partial<Readonly<Record<TaskName, Task>>>
}
