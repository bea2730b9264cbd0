import { setTimeout as pause } from 'node:timers/promises'
import { AWAIT_EACH_CALL, type Connection, openConnection } from './connection.ts'
import { TRACI_VERSION } from './constants.ts'
import * as domains from './domains.ts'
import { SumoError } from './errors.ts'
import { findFreePort, SumoProcess } from './process.ts'
import { type StorageReader, StorageWriter } from './storage.ts'

export interface SumoClientOptions {
  readonly binary: string
  /** Port of a SUMO that already waits; without it one is started. */
  readonly port: number | undefined
  readonly gui: boolean
  /** Command line of the simulation, without the port. */
  readonly sumoArguments: readonly string[]
}

/** Time for SUMO to load its files and listen, ms. */
const CONNECT_TIMEOUT_MS = 20_000
/** A step takes below 1 ms, a load 3 ms. */
const REPLY_TIMEOUT_MS = 30_000
/** Time for SUMO to end after the connection has, ms. */
const END_TIMEOUT_MS = 1000
/** Another program may take the free port before SUMO does. */
const START_ATTEMPTS = 3

/** Starts SUMO on a free port (or takes the one at the port given), connects and checks that both speak the same protocol. */
export async function startSumoClient(options: SumoClientOptions): Promise<SumoClient> {
  if (options.port !== undefined) return connectClient(options, options.port, undefined)
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort()
    const window = options.gui ? ['--start', 'true', '--quit-on-end', 'true'] : []
    const sumo = await SumoProcess.start(options.binary, [
      ...options.sumoArguments,
      ...window,
      ...['--remote-port', String(port)],
    ])
    try {
      return await connectClient(options, port, sumo)
    } catch (error) {
      await sumo.stop()
      if (attempt === START_ATTEMPTS || !/in use/.test(String(error))) throw error
    }
  }
}

async function connectClient(
  { gui, sumoArguments }: SumoClientOptions,
  port: number,
  sumo: SumoProcess | undefined,
): Promise<SumoClient> {
  const connection = await openConnection({
    port,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    replyTimeoutMs: gui ? 0 : REPLY_TIMEOUT_MS,
    ...(sumo === undefined ? {} : { signal: sumo.ended }),
  })
  const client = new SumoClient(connection, sumo, sumoArguments)
  try {
    await client.checkVersion()
    return client
  } catch (error) {
    await client.close()
    throw error
  }
}

/** A connected SUMO: the socket and, where we started it, the process. */
export class SumoClient {
  readonly #writer = new StorageWriter()
  readonly #connection: Connection
  readonly #sumo: SumoProcess | undefined
  readonly #sumoArguments: readonly string[]
  #version = ''
  #closing = false

  constructor(connection: Connection, sumo: SumoProcess | undefined, sumoArguments: readonly string[]) {
    this.#connection = connection
    this.#sumo = sumo
    this.#sumoArguments = sumoArguments
  }

  /** SUMO's own words for its version ("SUMO 1.15.0"). */
  get version(): string {
    return this.#version
  }

  /** Process id of the SUMO that we started. */
  get processId(): number | undefined {
    return this.#sumo?.pid
  }

  async checkVersion(): Promise<void> {
    domains.writeGetVersion(this.begin())
    const { api, name } = domains.readVersion(await this.exchange())
    if (api < TRACI_VERSION) {
      throw new SumoError(
        `SUMO must speak TraCI ${TRACI_VERSION} or newer, got ${api} (${name}): install SUMO 1.15 or newer`,
      )
    }
    this.#version = name
  }

  /** The simulation from its start; subscriptions and speed modes are gone. */
  async load(): Promise<void> {
    domains.writeLoad(this.begin(), this.#sumoArguments)
    domains.readLoad(await this.exchange())
  }

  /** The writer, empty, for the commands of the next `exchange`. */
  begin(): StorageWriter {
    if (this.#connection.isBusy) throw new SumoError(AWAIT_EACH_CALL)
    this.#writer.clear()
    return this.#writer
  }

  /** Sends the commands in the writer. Where SUMO is gone, the error says how it ended and what it said. */
  async exchange(): Promise<StorageReader> {
    try {
      return await this.#connection.exchange(this.#writer)
    } catch (error) {
      // The socket closes a moment before the process is known to have ended.
      if (this.#closing || this.#connection.isOpen || !(await this.#sumo?.waitForEnd(END_TIMEOUT_MS))) throw error
      throw this.#sumo?.failure('SUMO must run until this world is closed (close it and create a new one)')
    }
  }

  /** Asks SUMO to end, then makes it; never throws. */
  async close(): Promise<void> {
    const { isOpen, isBusy } = this.#connection
    this.#closing = true
    if (isOpen && !isBusy) {
      domains.writeClose(this.begin())
      const goodbye = this.#connection.exchange(this.#writer).catch(() => {})
      await Promise.race([goodbye, pause(END_TIMEOUT_MS, undefined, { ref: false })])
    }
    this.#connection.close()
    if (isOpen) await this.#sumo?.waitForEnd(END_TIMEOUT_MS)
    await this.#sumo?.stop()
  }
}
