import { formatCount, formatDuration, formatValue } from './text.ts'

/** One epoch of the fleet: normalised average speed (0 … 1) and mean speed of all cars in m/s. */
export type EpochPoint = { readonly epoch: number; readonly nas: number; readonly meanSpeed: number }

/** What one device has done so far; `return` is NaN before its first epoch. */
export type VehicleView = {
  readonly id: string
  readonly state: 'starting' | 'live' | 'offline'
  /** Seconds between two decisions. */
  readonly intervalS: number
  readonly return: number
  readonly samples: number
  readonly updates: number
  readonly accepted: number
  /** Mixes refused, counted by the reason of the verdict. */
  readonly rejected: Readonly<Record<string, number>>
}

/** Everything that is shown of a running fleet. */
export type FleetView = {
  readonly title: string
  /** Epochs finished, of `epochs`. */
  readonly epoch: number
  readonly epochs: number
  /** Simulated seconds and real milliseconds since the start. */
  readonly simTime: number
  readonly elapsedMs: number
  /** The same world with all cars driven by its drivers. */
  readonly baseline?: { readonly nas: number; readonly meanSpeed: number }
  readonly history: readonly EpochPoint[]
  readonly vehicles: readonly VehicleView[]
  /** Newest last. */
  readonly notes: readonly string[]
}

/** The newest finished epoch, if any. */
export function latestPoint(view: FleetView): EpochPoint | undefined {
  return view.history.at(-1)
}

/** The share of the run that is done, in [0, 1]. */
export function progressShare(view: FleetView): number {
  return view.epochs > 0 ? Math.min(1, Math.max(0, view.epoch / view.epochs)) : 0
}

/** Milliseconds to the end at the pace so far; NaN before the first epoch. */
export function remainingMs(view: FleetView): number {
  if (view.epoch >= view.epochs) return 0
  return view.epoch > 0 ? (view.elapsedMs / view.epoch) * (view.epochs - view.epoch) : Number.NaN
}

/** The newest mean speed over the drivers' (1 = as fast); undefined without both. */
export function speedRatio(view: FleetView): number | undefined {
  const speed = latestPoint(view)?.meanSpeed
  const drivers = view.baseline?.meanSpeed
  return speed === undefined || drivers === undefined || !(drivers > 0) ? undefined : speed / drivers
}

/** Reasons with their counts, most frequent first, equal ones by name; zeros left out. */
export function sortedReasons(counts: Readonly<Record<string, number>>): [reason: string, count: number][] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
}

/** Sum of the counts of all reasons. */
export function sumReasons(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** The rejections of all vehicles, added by reason. */
export function mergeReasons(vehicles: readonly Pick<VehicleView, 'rejected'>[]): Record<string, number> {
  const merged = new Map<string, number>()
  for (const { rejected } of vehicles) {
    for (const [reason, count] of Object.entries(rejected)) merged.set(reason, (merged.get(reason) ?? 0) + count)
  }
  return Object.fromEntries(merged)
}

/** The state of the run on one line, for logs and pipes. */
export function progressLine(view: FleetView): string {
  const point = latestPoint(view)
  const ratio = speedRatio(view)
  const accepted = view.vehicles.reduce((sum, vehicle) => sum + vehicle.accepted, 0)
  const offline = view.vehicles.filter((vehicle) => vehicle.state === 'offline').length
  return [
    `epoch ${view.epoch}/${view.epochs}`,
    `mean speed ${formatValue(point?.meanSpeed, 2)} m/s`,
    `NAS ${formatValue(point?.nas, 3)}`,
    ...(ratio === undefined ? [] : [`×${ratio.toFixed(2)} of drivers`]),
    `accepted ${formatCount(accepted)} rejected ${formatCount(sumReasons(mergeReasons(view.vehicles)))}`,
    ...(offline === 0 ? [] : [`offline ${offline}`]),
    view.epoch >= view.epochs ? `took ${formatDuration(view.elapsedMs)}` : `ETA ${formatDuration(remainingMs(view))}`,
  ].join('  ')
}
