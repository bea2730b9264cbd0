/** Library entry point `trustmix/broker`: the embedded MQTT broker, its access rules and the averaging server. */
export {
  type Denial,
  isId,
  mayRead,
  type Principal,
  parseTopic,
  publishDenial,
  type Role,
  subscribeDenial,
  type Topic,
} from './access.ts'
export { checkUsers, type User } from './admission.ts'
export { type Aggregator, type AggregatorOptions, createAggregator } from './aggregator.ts'
export {
  type Broker,
  type BrokerLimits,
  type BrokerOptions,
  createBroker,
  defaultLimits,
  highWaterMark,
  type Peer,
} from './broker.ts'
export type { Certified } from './certificate.ts'
export type { Counters, Reason, Refusal } from './refusals.ts'
export { listenTls, listenWebSocket, type TlsListener, type TlsMaterial } from './tls-listeners.ts'
export { acceptWebSockets, type WebSocketOptions } from './web-sockets.ts'
