import type { RecordTopic } from '../../schemas/record.ts'
import { channels, topicOf } from '../../schemas/topics.ts'
import type { UpdateResult } from '../../schemas/update.ts'
import type { Bus } from '../bus/bus.ts'
import type { CheckpointStore } from '../checkpoint.ts'
import type { ClockReading } from '../clock.ts'
import type { DeviceOptions, Vitals } from '../device-options.ts'
import { type Identity, sha256 } from '../identity.ts'
import type { VehicleHandlers, VehicleIo } from '../io.ts'
import * as bodies from './bodies.ts'
import type { InputTopic, Tap } from './tap.ts'
import { tappedCommands, told, tried } from './tapped-commands.ts'

/** The options of a device with a tap at every port. */
export function tapped(options: DeviceOptions, tap: Tap): DeviceOptions {
  const { store, vitals = () => ({}), vehicle, clock, commands, lastUpdate } = options
  return {
    ...options,
    bus: tappedBus(options.bus, vehicle, tap),
    io: tappedIo(options.io, tap),
    identity: tappedIdentity(options.identity, tap),
    store: tappedStore(store ?? { load: () => ({ state: undefined, notes: [] }), save() {} }, tap),
    now: () => tap.now,
    wallClock: () => tap.asked('wallClock', '', options.wallClock),
    pause: () => tap.pause(),
    vitals: () => told<Vitals>(tap, 'vitals', '', vitals),
    ...(clock && { clock: { ...clock, read: () => told<ClockReading>(tap, 'clock', '', clock.read) } }),
    ...(lastUpdate && {
      lastUpdate: () => told<UpdateResult | null>(tap, 'lastUpdate', '', () => lastUpdate() ?? null) ?? undefined,
    }),
    ...(commands && { commands: tappedCommands(commands, options.config, tap) }),
  }
}

function tappedIo(io: VehicleIo, tap: Tap): VehicleIo {
  const failed = (of: string, error: unknown): never => {
    tap.output('/out/failed', { of, error: error instanceof Error ? error.message : String(error) })
    throw error
  }
  const answered = <T>(topic: InputTopic, body: () => object, work: () => T, told: (answer: T) => void): T =>
    tap.input(topic, body, () => {
      let answer: T
      try {
        answer = work()
      } catch (error) {
        return failed(topic, error)
      }
      told(answer)
      return answer
    })
  const answeredLater = <T>(
    topic: InputTopic,
    body: () => object,
    work: () => Promise<T>,
    told: (answer: T) => void,
  ): Promise<T> =>
    tap.input(topic, body, () =>
      work().then(
        (answer) => {
          told(answer)
          return answer
        },
        (error) => failed(topic, error),
      ),
    )
  const hash = (policyHash: string): void => tap.output('/out/hash', { policyHash })
  return {
    start(handlers) {
      const taps: VehicleHandlers = {
        reset(from) {
          // What else the port hands over is not the device's business and not in the log.
          const start = bodies.startOf(from)
          return answered(
            '/in/reset',
            () => bodies.ofStart(start),
            () => handlers.reset(start),
            hash,
          )
        },
        decide: (observation, outcome) =>
          answered(
            '/in/decide',
            () => bodies.ofClosing(observation, outcome),
            () => handlers.decide(observation, outcome),
            (action) => tap.output('/out/action', bodies.ofAction(action)),
          ),
        learn: ({ epoch, step }, closing) =>
          answeredLater(
            '/in/learn',
            () => ({ epoch, step, ...bodies.ofClosing(closing?.observation, closing?.outcome) }),
            () => handlers.learn({ epoch, step }, closing),
            (learned) => tap.output('/out/learned', bodies.ofLearned(learned)),
          ),
        mix: (round) =>
          answeredLater(
            '/in/mix',
            () => ({ ...round, aggregate: round.aggregate ?? null }),
            () => handlers.mix(round),
            (mixed) => tap.output('/out/mixed', bodies.ofMixed(mixed)),
          ),
        end: () =>
          answered(
            '/in/end',
            () => ({}),
            () => handlers.end(),
            hash,
          ),
      }
      io.start(taps)
    },
  }
}

/** Handlers are told apart by the order in which the device names them, which is the same whenever its code is. */
function tappedBus(bus: Bus, vehicle: string, tap: Tap): Bus {
  const names = new Map<unknown, string>(Object.entries(channels).map(([name, channel]) => [channel, name]))
  let handlers = 0
  return {
    get connected() {
      return tap.link.connected
    },
    get connections() {
      return tap.link.connections
    },
    publish(channel, address, message) {
      tap.output(`/out/${names.get(channel)}` as RecordTopic, bodies.ofPublished(channel, address, message))
      bus.publish(channel, address, message)
    },
    clear: (channel, address) => bus.clear(channel, address),
    subscribe(channel, address, handle) {
      const handler = handlers++
      bus.subscribe(channel, address, (message, from) => {
        const sender: string | undefined = (from as Readonly<Record<string, string>>).vehicle
        // A broker returns own parameters too; the device passes over them, and they are in the log already.
        if (!channel.validate && sender === vehicle) return handle(message, from)
        const topic = topicOf(channel, from)
        const body = () => ({ handler, topic, address: from, ...bodies.ofMessage(channel, message) })
        return tap.input('/in/message', body, () => handle(message, from))
      })
    },
    onConnected(handle) {
      const handler = handlers++
      bus.onConnected(() => tap.input('/in/connected', () => ({ handler }), handle))
    },
    onRefused(handle) {
      const handler = handlers++
      bus.onRefused((refusal) =>
        tap.input(
          '/in/refused',
          () => ({ handler, ...refusal }),
          () => handle(refusal),
        ),
      )
    },
    close: () => bus.close(),
  }
}

/** The private key stays where it is: what it signed, and which signatures held, are facts of the log. */
function tappedIdentity(identity: Identity, tap: Tap): Identity {
  const { isRevoked } = identity
  return {
    sign: (bytes) => tap.asked('sign', sha256(bytes), () => identity.sign(bytes)),
    verify: (vehicle, bytes, signature) =>
      tap.asked('verify', vehicle, () => identity.verify(vehicle, bytes, signature)),
    ...(isRevoked && {
      isRevoked: (vehicle) => tap.asked('revoked', vehicle, () => (isRevoked(vehicle) ? 1 : 0)) === 1,
    }),
  }
}

function tappedStore(store: CheckpointStore, tap: Tap): CheckpointStore {
  return {
    load: () => store.load(),
    save(state) {
      tap.output('/out/state', bodies.ofState(state))
      tried(tap, 'save', () => store.save(state))
    },
  }
}
