import type { Duplex } from 'node:stream'
import type { Principal } from './access.ts'
import type { ConnectRequest } from './admission.ts'
import type { Certified } from './certificate.ts'
import type { Framing } from './guard.ts'

/** One connection from its first byte to its end; `principal` exists once it is admitted. */
export interface Connection {
  readonly stream: Duplex
  readonly address: string
  readonly loopback: boolean
  readonly certified?: Certified
  readonly framing: Framing
  principal?: Principal
  username?: string
  clientId?: string
  /** CONNECT as received, until it is judged. */
  request?: Omit<ConnectRequest, 'username' | 'password' | 'loopback' | 'certified' | 'heldBy'>
  /** Filters granted. */
  readonly filters: Set<string>
  /** A refusal that ends the connection was counted. */
  refused: boolean
}

/** The connections of a broker, and which one a client id has. */
export class Connections {
  readonly #all = new WeakMap<object, Connection>()
  readonly #live = new Map<string, Connection>()
  readonly #onLeft: (clientId: string) => void

  /** `onLeft` is told of client ids whose connection has ended, not of one that another has taken over. */
  constructor(onLeft: (clientId: string) => void) {
    this.#onLeft = onLeft
  }

  add(connection: Connection): void {
    this.#all.set(connection.stream, connection)
    connection.stream.once('close', () => {
      const { clientId } = connection
      if (clientId === undefined || this.#live.get(clientId) !== connection) return
      this.#live.delete(clientId)
      this.#onLeft(clientId)
    })
  }

  /** Notes that a connection is let in: its client id is its own from now on. */
  admit(clientId: string, connection: Connection): void {
    this.#live.set(clientId, connection)
  }

  /** The connection of an aedes client. */
  of({ conn }: { readonly conn: object }): Connection | undefined {
    return this.#all.get(conn)
  }

  /** The live connection of a client id. */
  live(clientId: string): Connection | undefined {
    return this.#live.get(clientId)
  }

  /** Live connections of those that are revoked by now. */
  revoked(isRevoked: (id: string, serial: string | undefined) => boolean): Connection[] {
    return [...this.#live.values()].filter(({ principal, certified }) =>
      principal ? isRevoked(principal.id, certified?.serial) : false,
    )
  }
}
