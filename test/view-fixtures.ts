import type { FleetView, VehicleView } from '../cli/view/progress.ts'

/** Seven vehicles after `epoch` of 200 epochs of one second each; the fifth is offline. */
export function fleetView(epoch: number): FleetView {
  const vehicles: VehicleView[] = Array.from({ length: 7 }, (_, index) => ({
    id: `vehicle-${index + 1}`,
    state: index === 4 ? 'offline' : 'live',
    intervalS: 0.1 + index,
    return: 2,
    samples: epoch,
    updates: epoch * 6,
    accepted: 4,
    rejected: { stale: 3, 'advantage-not-positive': 100 },
  }))
  return {
    title: 'fleet',
    epoch,
    epochs: 200,
    simTime: epoch * 150,
    elapsedMs: epoch * 1000,
    baseline: { nas: 0.28, meanSpeed: 5.6 },
    history: points(epoch, (at) => (at * 7) / epoch),
    vehicles,
    notes: ['note 1', 'note 2', 'note 3'],
  }
}

/** Epochs 1 … `length` at `speed(epoch)` m/s, without collisions. */
export function points(length: number, speed: (epoch: number) => number) {
  return Array.from({ length }, (_, index) => {
    const meanSpeed = speed(index + 1)
    return { epoch: index + 1, meanSpeed, nas: meanSpeed / 20 }
  })
}

/** Any view: wild names, NaN, huge counts, no vehicles. */
export function randomView(random: () => number): FleetView {
  const epoch = Math.floor(random() ** 3 * 1000)
  const word = () =>
    ['v', '車両', 'x\u001b[2J', 'a-very-long-identifier-of-a-vehicle', '🚗', 'stale', ''][Math.floor(random() * 7)]!
  const big = () => Math.floor(10 ** (random() * 10))
  const states = ['starting', 'live', 'offline'] as const
  return {
    title: word() + word(),
    epoch,
    epochs: Math.max(1, epoch + Math.floor(random() * 100)),
    simTime: big(),
    elapsedMs: big(),
    ...(random() < 0.5 ? { baseline: { nas: random(), meanSpeed: random() * 20 } } : {}),
    history: points(epoch, () => (random() < 0.02 ? Number.NaN : random() * 20)),
    vehicles: Array.from({ length: Math.floor(random() * 20) }, () => ({
      id: word() + word(),
      state: states[Math.floor(random() * 3)]!,
      intervalS: random() * 100,
      return: random() < 0.1 ? Number.NaN : (random() - 0.5) * big(),
      samples: big(),
      updates: big(),
      accepted: big(),
      rejected: Object.fromEntries(Array.from({ length: Math.floor(random() * 6) }, () => [word() + word(), big()])),
    })),
    notes: Array.from({ length: Math.floor(random() * 5) }, word),
  }
}

/** Numerical Recipes' linear congruential generator. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}
