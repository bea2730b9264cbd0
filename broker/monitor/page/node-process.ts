/**
 * The part of Node's `process` that the MQTT client asks for. `nextTick` is a microtask: as a timer, as usual stand-ins have
 * it, it would run once a second in a hidden page, and the answer to a ping would come too late.
 */
export const process = {
  env: {},
  version: '',
  versions: {},
  browser: true,
  nextTick<A extends unknown[]>(work: (...args: A) => void, ...args: A): void {
    queueMicrotask(() => work(...args))
  },
}

export const { nextTick } = process
export default process
