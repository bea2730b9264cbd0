import { initialPolicy } from '../../device/core/parameters.ts'
import { createRng } from '../../device/core/rng.ts'
import { type Arrival, type ParamsHeader, sealParams } from '../../device/params.ts'
import { createIdentities, smallKind } from './devices.ts'

/** A policy that car03 has sealed, and who opens it. */
export const identityOf = createIdentities(['car01', 'car03', 'car05'])
export const own = identityOf('car01')
export const sender = identityOf('car03')
export const policy = initialPolicy(smallKind.architecture, createRng(7, 'test'), 0)
export const header: ParamsHeader = {
  fleet: 'demo',
  vehicle: 'car03',
  boot: 2,
  sequence: 5,
  updates: 9,
  time: '2022-04-01T00:00:00Z',
  cell: 'all',
}
export const arrival: Arrival = { fleet: 'demo', vehicle: 'car03', last: undefined }
// A plain Uint8Array: the slices of a Buffer would share its memory.
export const good = Uint8Array.from(sealParams(policy, header, smallKind, sender))
