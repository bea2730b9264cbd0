import type { Tensor } from './core/parameters.ts'
import type { Kept, LastGoodState } from './last-good.ts'

/** Adds the vectors of the kept policies to the tensors of a checkpoint; returns the rest as text. */
export function encodeKept({ kept, ...rest }: LastGoodState, tensors: Map<string, Tensor>): string {
  for (const [i, { learner }] of kept.entries())
    for (const column of columns)
      tensors.set(`kept.${i}.${column}`, { shape: [learner[column].length], data: learner[column] })
  const scalars = kept.map(({ hash, level, learner: { adamStep, scale } }) => ({ hash, level, adamStep, scale }))
  return JSON.stringify({ ...rest, kept: scalars })
}

/** What `encodeKept` was given; `column` throws where a tensor is missing. The checksum of the checkpoint vouches for the form. */
export function keptOf(text: string, column: (name: string) => Float64Array): LastGoodState {
  const { kept, ...rest } = JSON.parse(text) as Omit<LastGoodState, 'kept'> & {
    readonly kept: readonly (Pick<Kept, 'hash' | 'level'> & Pick<Kept['learner'], 'adamStep' | 'scale'>)[]
  }
  return {
    ...rest,
    kept: kept.map(({ hash, level, ...scalars }, i) => {
      const [policy, value, adamM, adamV] = columns.map((name) => column(`kept.${i}.${name}`)) as Columns
      return { hash, level, learner: { ...scalars, policy, value, adamM, adamV } }
    }),
  }
}

const columns = ['policy', 'value', 'adamM', 'adamV'] as const
type Columns = [Float64Array, Float64Array, Float64Array, Float64Array]
