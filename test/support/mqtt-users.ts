import type { User } from '../../broker/admission.ts'

/** One user per role of the fleet `demo` (two devices), with the password `{name}-secret`. */
export const users: ReadonlyMap<string, User> = new Map(
  (['d1', 'd2', 'bridge', 'aggregator', 'monitor', 'operator', 'root'] as const).map((id) => [
    id,
    { id, role: id === 'd1' || id === 'd2' ? 'device' : id, password: `${id}-secret` },
  ]),
)
