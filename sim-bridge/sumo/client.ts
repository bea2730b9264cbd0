import { setTimeout as pause } from 'node:timers/promises'
import { AWAIT_EACH_CALL, type Connection, openConnection } from './connection.ts'
import { TRACI_VERSION } from './constants.ts'
import * as domains from './domains.ts'
import { SumoError, SumoLostError } from './errors.ts'
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
  return new SumoClient(options, await openSession(options))
}

/** A SUMO that answers: the socket and, where we started it, the process. */
interface Session {
  readonly connection: Connection
  readonly sumo: SumoProcess | undefined
  /** SUMO's own words for its version ("SUMO 1.15.0"). */
  readonly version: string
}

async function openSession(options: SumoClientOptions): Promise<Session> {
  if (options.port !== undefined) return connect(options, options.port, undefined)
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort()
    const sumo = await SumoProcess.start(options.binary, [...argumentsOf(options), '--remote-port', String(port)])
    try {
      return await connect(options, port, sumo)
    } catch (error) {
      await sumo.stop()
      if (attempt === START_ATTEMPTS || !/in use/.test(String(error))) throw error
    }
  }
}

/** A window must be told to run at every load, else it waits for a click; without one SUMO does not know these options. */
function argumentsOf({ sumoArguments, gui }: SumoClientOptions): readonly string[] {
  return gui ? [...sumoArguments, '--start', 'true', '--quit-on-end', 'true'] : sumoArguments
}

async function connect({ gui }: SumoClientOptions, port: number, sumo: SumoProcess | undefined): Promise<Session> {
  const connection = await openConnection({
    port,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    replyTimeoutMs: gui ? 0 : REPLY_TIMEOUT_MS,
    ...(sumo === undefined ? {} : { signal: sumo.ended }),
  })
  try {
    return { connection, sumo, version: await askVersion(connection) }
  } catch (error) {
    connection.close()
    if (sumo === undefined && error instanceof Error)
      throw new SumoError(`a SUMO must wait at port ${port}, got: ${error.message}`)
    throw error
  }
}

async function askVersion(connection: Connection): Promise<string> {
  const writer = new StorageWriter()
  domains.writeGetVersion(writer)
  const { api, name } = domains.readVersion(await connection.exchange(writer))
  if (api < TRACI_VERSION) {
    throw new SumoError(
      `SUMO must speak TraCI ${TRACI_VERSION} or newer, got ${api} (${name}): install SUMO 1.15 or newer`,
    )
  }
  return name
}

/** A connected SUMO; where it is lost, the next `load` starts (or connects to) another one. */
export class SumoClient {
  readonly #writer = new StorageWriter()
  readonly #options: SumoClientOptions
  #session: Session
  #closing = false

  constructor(options: SumoClientOptions, session: Session) {
    this.#options = options
    this.#session = session
  }

  /** SUMO's own words for its version ("SUMO 1.15.0"). */
  get version(): string {
    return this.#session.version
  }

  /** Process id of the SUMO that we started. */
  get processId(): number | undefined {
    return this.#session.sumo?.pid
  }

  /** The simulation from its start, in another SUMO where the last one is lost; subscriptions and speed modes are gone. */
  async load(): Promise<void> {
    if (!this.#session.connection.isOpen) await this.#replace()
    domains.writeLoad(this.begin(), argumentsOf(this.#options))
    const reply = await this.exchange()
    domains.readLoad(reply)
    reply.expectEnd()
  }

  async #replace(): Promise<void> {
    if (this.#closing) throw new SumoError('a world must not be used after it was closed')
    await this.#session.sumo?.stop()
    const session = await openSession(this.#options)
    if (this.#closing) await end(session)
    else this.#session = session
  }

  /** The writer, empty, for the commands of the next `exchange`. */
  begin(): StorageWriter {
    if (this.#session.connection.isBusy) throw new SumoError(AWAIT_EACH_CALL)
    this.#writer.clear()
    return this.#writer
  }

  /** Sends the commands in the writer. Rejects with SumoLostError, and how SUMO ended, where it is gone. */
  async exchange(): Promise<StorageReader> {
    const { connection, sumo } = this.#session
    try {
      return await connection.exchange(this.#writer)
    } catch (error) {
      // The socket closes a moment before the process is known to have ended.
      if (this.#closing || connection.isOpen || !(await sumo?.waitForEnd(END_TIMEOUT_MS))) throw error
      throw new SumoLostError(sumo?.ending('SUMO must run until this world is closed'))
    }
  }

  /** Asks SUMO to end, then makes it; never throws. */
  async close(): Promise<void> {
    this.#closing = true
    await end(this.#session)
  }
}

async function end({ connection, sumo }: Session): Promise<void> {
  const { isOpen, isBusy } = connection
  if (isOpen && !isBusy) {
    const writer = new StorageWriter()
    domains.writeClose(writer)
    const goodbye = connection.exchange(writer).catch(() => {})
    await Promise.race([goodbye, pause(END_TIMEOUT_MS, undefined, { ref: false })])
  }
  connection.close()
  if (isOpen) await sumo?.waitForEnd(END_TIMEOUT_MS)
  await sumo?.stop()
}
