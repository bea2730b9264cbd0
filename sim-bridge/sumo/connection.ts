import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { SumoError, SumoLostError } from './errors.ts'
import { HEADER_BYTES, StorageReader, type StorageWriter } from './storage.ts'

export interface ConnectionOptions {
  /** Port on the loopback interface. */
  readonly port: number
  /** Give up connecting after this long, ms. */
  readonly connectTimeoutMs: number
  /** Longest silence of SUMO while a reply is due, ms; 0 waits for ever (a person may pause the window of sumo-gui). */
  readonly replyTimeoutMs: number
  /** Stops connecting, with its reason as the error (SUMO ended before it listened). */
  readonly signal?: AbortSignal
}

/** Connects to SUMO, which needs 50 to 350 ms before it listens: tries every 20 ms until the timeout. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { port, connectTimeoutMs, replyTimeoutMs, signal } = options
  const deadline = performance.now() + connectTimeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const attempt = await tryConnect(port)
    if (!(attempt instanceof Error)) {
      if (!signal?.aborted) return new Connection(attempt, replyTimeoutMs)
      attempt.destroy()
    } else if (performance.now() >= deadline) {
      throw new SumoError(
        `SUMO must listen on port ${port} within ${connectTimeoutMs} ms, got "${attempt.message}": check that it runs with --remote-port ${port}`,
      )
    }
    await pause(20)
  }
}

function tryConnect(port: number): Promise<Socket | Error> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', resolve)
    socket.once('connect', () => {
      socket.removeListener('error', resolve)
      // While nobody listens, the kernel may hand us the very port we call: we would be connected to ourselves.
      if (socket.localPort !== port) return resolve(socket)
      socket.destroy()
      resolve(new Error('connected to itself'))
    })
  })
}

/** The rule for callers: there is one buffer, one pending reply, one state. */
export const AWAIT_EACH_CALL = 'a call to SUMO must wait for the end of the last one: await each call'

/**
 * One TraCI client: a message goes out, its reply comes back; replies come in the order of the commands. A call fails with
 * SumoLostError where SUMO is gone or silent, with SumoError where it sends what TraCI does not allow.
 */
export class Connection {
  readonly #socket: Socket
  readonly #frames = new MessageFrames()
  #waiting: { resolve(reply: StorageReader): void; reject(error: Error): void } | undefined
  #failure: Error | undefined

  constructor(socket: Socket, replyTimeoutMs: number) {
    this.#socket = socket
    socket.setTimeout(replyTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', (error) =>
      this.#fail(new SumoLostError(`the connection to SUMO must stay open, got "${error.message}"`)),
    )
    socket.on('close', () => this.#fail(new SumoLostError('the connection to SUMO must stay open, but SUMO closed it')))
    socket.on('timeout', () => {
      if (this.#waiting === undefined) return
      this.#fail(new SumoLostError(`SUMO must reply within ${replyTimeoutMs} ms, got nothing`))
    })
  }

  get isOpen(): boolean {
    return this.#failure === undefined
  }

  /** Whether a reply is due. */
  get isBusy(): boolean {
    return this.#waiting !== undefined
  }

  /** Sends all commands in the writer as one message and resolves with the reply; the writer is free again then. */
  exchange(commands: StorageWriter): Promise<StorageReader> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.isBusy) return Promise.reject(new SumoError(AWAIT_EACH_CALL))
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(commands.message())
    })
  }

  /** Ends the socket; a pending call is rejected. */
  close(): void {
    this.#fail(new SumoError('the connection to SUMO was closed by us while a call was pending'))
  }

  #onData(chunk: Buffer): void {
    try {
      for (const body of this.#frames.push(chunk)) {
        const waiting = this.#waiting
        if (waiting === undefined) throw new SumoError('SUMO must only send replies, got a message nobody asked for')
        this.#waiting = undefined
        waiting.resolve(new StorageReader(body))
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new SumoError(String(error)))
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#socket.destroy()
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}

/** Longest message we accept: a step of 14 cars needs 2 kB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

/** Cuts the byte stream into messages: int32 length (itself included), then the body. */
export class MessageFrames {
  #pending: Buffer = Buffer.alloc(0)

  /** Takes the next bytes, cut anywhere, and returns the bodies of the messages that are now complete. */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const bodies: Buffer[] = []
    while (this.#pending.length >= HEADER_BYTES) {
      const length = this.#pending.readInt32BE(0)
      if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
        throw new SumoError(`a TraCI message must have ${HEADER_BYTES} to ${MAX_MESSAGE_BYTES} bytes, got ${length}`)
      }
      if (this.#pending.length < length) break
      bodies.push(this.#pending.subarray(HEADER_BYTES, length))
      this.#pending = this.#pending.subarray(length)
    }
    return bodies
  }
}
