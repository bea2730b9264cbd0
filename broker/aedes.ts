import { EventEmitter } from 'node:events'
import { Aedes, type Client } from 'aedes'
import type { Connections } from './connections.ts'
import type { Policy } from './policy.ts'
import type { Reason, Refusals } from './refusals.ts'

/** ms */
interface AedesLimits {
  readonly connectTimeoutMs: number
  readonly drainTimeoutMs: number
}

/**
 * aedes with the settings that survived measurement: at its default `concurrency: 100` one frozen subscriber, one busy
 * publisher and five chatty clients overflow the stack of its emitter and end the process.
 */
export async function createAedes(
  policy: Policy,
  connections: Connections,
  refusals: Refusals,
  limits: AedesLimits,
): Promise<Aedes> {
  const { preConnect, authenticate, authorizePublish, authorizeSubscribe, authorizeForward } = policy
  const aedes = await Aedes.createBroker({
    concurrency: 0,
    drainTimeout: limits.drainTimeoutMs,
    connectTimeout: limits.connectTimeoutMs,
    // no topic of ours uses QoS 2; a packet of it is held until PUBREL
    maxInflightInbound: 16,
    preConnect,
    authenticate,
    authorizePublish,
    authorizeSubscribe,
    authorizeForward,
  })
  const onClientError = (client: Client, error: Error) => {
    const connection = connections.of(client)
    const reason = reasonOf(error)
    if (connection && reason) policy.end(connection, reason, error.message)
  }
  aedes.on('clientError', onClientError)
  aedes.on('connectionError', onClientError)
  aedes.on('unsubscribe', (filters, client) => {
    const connection = connections.of(client)
    for (const filter of filters) connection?.filters.delete(filter)
  })
  // not among the events of aedes' types: failures of its own housekeeping, which would otherwise end the process
  EventEmitter.prototype.on.call(aedes, 'error', (error: Error) => {
    refusals.count({ reason: 'internal-error', detail: error.message })
  })
  return aedes
}

export function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise((resolve) => aedes.close(() => resolve()))
}

/** The reason of an error that ended a connection; undefined when the peer or the network simply went away. */
function reasonOf(error: Error): Reason | undefined {
  switch (error.message) {
    case 'connect did not arrive in time':
      return 'connect-timeout'
    case 'keep alive timeout':
      return 'keepalive-timeout'
    case 'drain timeout':
      return 'drain-timeout'
    case 'unacceptable protocol version':
      return 'protocol-version'
    case 'connection closed':
      return undefined
    default:
      return 'code' in error ? undefined : 'protocol-error'
  }
}
