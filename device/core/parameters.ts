import type { Architecture, Vector } from './engine.ts'
import { orthogonal } from './orthogonal.ts'
import type { Rng } from './rng.ts'

/** Where each tensor lies in a flat parameter vector: names in code-unit order, values row-major, no gaps. */
export interface Layout {
  readonly tensors: readonly TensorSlot[]
  /** Length of the flat vector. */
  readonly size: number
}

export interface TensorSlot {
  /** PyTorch's `nn.Sequential` name with a prefix, for example `policy.0.weight`. */
  readonly name: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly size: number
}

/** A named tensor: row-major values, length the product of `shape`. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Vector
}

/** Layout of θ: `log_std` [actionSize] and the policy network `policy.0.weight` [out, in], `policy.0.bias` [out], …. */
export function policyLayout(architecture: Architecture): Layout {
  const { observationSize, actionSize, hidden } = checked(architecture)
  return layoutOf([
    { name: 'log_std', shape: [actionSize] },
    ...networkShapes('policy', [observationSize, ...hidden, actionSize]),
  ])
}

/** Number of θ's parameters: the size of `policyLayout` without laying it out. */
export function policySize({ observationSize, actionSize, hidden }: Architecture): number {
  let [inputs, size] = [observationSize, actionSize]
  for (const outputs of [...hidden, actionSize]) {
    size += (inputs + 1) * outputs
    inputs = outputs
  }
  return size
}

/** Layout of the private value network `value.0.weight` [out, in], `value.0.bias` [out], …. */
export function valueLayout(architecture: Architecture): Layout {
  const { observationSize, hidden } = checked(architecture)
  return layoutOf(networkShapes('value', [observationSize, ...hidden, 1]))
}

/** θ before any learning: orthogonal weights of gain √2 (head 0.01), biases 0, every `log_std` as given; float32 values. */
export function initialPolicy(architecture: Architecture, rng: Rng, logStd: number): Float64Array {
  const layout = policyLayout(architecture)
  const policy = initialNetwork(layout, 0.01, rng)
  const slot = slotOf(layout, 'log_std')
  policy.fill(logStd, slot.offset, slot.offset + slot.size)
  return roundToFloat32(policy)
}

/** The value network before any learning: orthogonal weights of gain √2 (head 1), biases 0; float32 values. */
export function initialValue(architecture: Architecture, rng: Rng): Float64Array {
  return roundToFloat32(initialNetwork(valueLayout(architecture), 1, rng))
}

/** Rounds every value to float32 in place, −0 to +0, so that what is used is what is sent and hashed. */
export function roundToFloat32(vector: Float64Array): Float64Array {
  for (let i = 0; i < vector.length; i++) vector[i] = Math.fround(vector[i]!) + 0
  return vector
}

/**
 * The flat vector of `layout` from named tensors. Throws on a missing or mis-shaped tensor and on one that is neither in
 * `layout` nor in `alsoAllowed` (a file may hold policy and value together).
 */
export function vectorFromTensors(
  layout: Layout,
  tensors: ReadonlyMap<string, Tensor>,
  alsoAllowed?: Layout,
): Float64Array {
  return fillFromTensors(new Float64Array(layout.size), layout, tensors, alsoAllowed)
}

/** As `vectorFromTensors`, into a vector that is given; the same vector. */
export function fillFromTensors<T extends Vector>(
  vector: T,
  layout: Layout,
  tensors: ReadonlyMap<string, Tensor>,
  alsoAllowed?: Layout,
): T {
  for (const { name, shape, offset, size } of layout.tensors) {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw new Error(`tensor ${name} [${shape}] must be present, got none`)
    if (!sameShape(tensor.shape, shape)) throw new Error(`${name} must have shape [${shape}], got [${tensor.shape}]`)
    if (tensor.data.length !== size) throw new Error(`${name} must hold ${size} values, got ${tensor.data.length}`)
    vector.set(tensor.data, offset)
  }
  const known = new Set([...layout.tensors, ...(alsoAllowed?.tensors ?? [])].map((slot) => slot.name))
  for (const name of tensors.keys()) {
    if (!known.has(name)) throw new Error(`only tensors of the architecture are allowed, got ${JSON.stringify(name)}`)
  }
  return vector
}

/** Named float32 tensors of a flat vector, in the order of `layout`. Throws where the length is not the layout's. */
export function tensorsFromVector(layout: Layout, vector: Vector): Map<string, Tensor & { data: Float32Array }> {
  if (vector.length !== layout.size) throw new Error(`vector must hold ${layout.size} values, got ${vector.length}`)
  const tensors = new Map<string, Tensor & { data: Float32Array }>()
  for (const { name, shape, offset, size } of layout.tensors) {
    tensors.set(name, { shape, data: new Float32Array(vector.subarray(offset, offset + size)) })
  }
  return tensors
}

/** Reads the sizes off the policy's tensors (`log_std`, `policy.*.weight`). Throws where they do not form a network. */
export function inferArchitecture(tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>): Architecture {
  const sizes: number[] = []
  for (let layer = 0; ; layer++) {
    const name = `policy.${2 * layer}.weight`
    const shape = tensors.get(name)?.shape
    if (shape === undefined) break
    const [outputs, inputs] = shape
    if (shape.length !== 2 || outputs === undefined || inputs === undefined)
      throw new Error(`${name} must have shape [out, in], got [${shape}]`)
    if (layer === 0) sizes.push(inputs)
    if (inputs !== sizes[layer]) throw new Error(`${name} must take ${sizes[layer]} inputs, got ${inputs}`)
    sizes.push(outputs)
  }
  if (sizes.length === 0) throw new Error('tensor policy.0.weight must be present, got none')
  const logStd = tensors.get('log_std')?.shape ?? []
  const actionSize = sizes[sizes.length - 1]!
  if (!sameShape(logStd, [actionSize])) throw new Error(`log_std must have shape [${actionSize}], got [${logStd}]`)
  return checked({ observationSize: sizes[0]!, actionSize, hidden: sizes.slice(1, -1) })
}

/** The slot of one tensor. Throws where `layout` has none of that name. */
export function slotOf(layout: Layout, name: string): TensorSlot {
  const slot = layout.tensors.find((candidate) => candidate.name === name)
  if (slot === undefined) throw new Error(`tensor must be in the layout, got ${JSON.stringify(name)}`)
  return slot
}

function checked(architecture: Architecture): Architecture {
  const { observationSize, actionSize, hidden } = architecture
  for (const size of [observationSize, actionSize, ...hidden]) {
    if (!(Number.isInteger(size) && size >= 1)) throw new Error(`layer sizes must be integers from 1, got ${size}`)
  }
  return architecture
}

function networkShapes(prefix: string, sizes: readonly number[]): { name: string; shape: number[] }[] {
  return sizes.slice(1).flatMap((outputs, layer) => [
    { name: `${prefix}.${2 * layer}.weight`, shape: [outputs, sizes[layer]!] },
    { name: `${prefix}.${2 * layer}.bias`, shape: [outputs] },
  ])
}

function layoutOf(shapes: readonly { name: string; shape: number[] }[]): Layout {
  let offset = 0
  const tensors = [...shapes]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, shape }) => {
      const slot = { name, shape, offset, size: shape.reduce((product, size) => product * size, 1) }
      offset += slot.size
      return slot
    })
  return { tensors, size: offset }
}

function initialNetwork(layout: Layout, headGain: number, rng: Rng): Float64Array {
  const vector = new Float64Array(layout.size)
  // Layers in the order of the network, not of the names, so that the stream does not depend on how names sort.
  const weights = layout.tensors
    .filter((slot) => slot.shape.length === 2)
    .sort((a, b) => Number(a.name.split('.')[1]) - Number(b.name.split('.')[1]))
  weights.forEach(({ shape, offset }, layer) => {
    const gain = layer === weights.length - 1 ? headGain : Math.SQRT2
    vector.set(orthogonal(shape[0]!, shape[1]!, gain, rng), offset)
  })
  return vector
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}
