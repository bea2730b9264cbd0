/** Library entry point `trustmix/device`: a unit that acts, learns, publishes its policy and considers others'. */
export { type Agent, createAgent } from './agent.ts'
export type { AgentState } from './agent-state.ts'
export type { ClientTls } from './bus/broker-url.ts'
export type { Bus, Refusal } from './bus/bus.ts'
export { createLocalBroker, type LocalBroker } from './bus/local-bus.ts'
export { createMqttBus, type MqttBus, type MqttBusOptions, type Will } from './bus/mqtt-bus.ts'
export {
  type CheckpointOwner,
  type CheckpointStore,
  createCheckpointStore,
  decodeCheckpoint,
  encodeCheckpoint,
} from './checkpoint.ts'
export { type Clock, type ClockReading, type ClockSources, createClock } from './clock.ts'
export { createDevice, type Device } from './device.ts'
export type { DeviceOptions } from './device-options.ts'
export { type CreateEngine, loadEngine } from './engines/index.ts'
export { createReferenceEngine } from './engines/reference.ts'
export { createWasmEngine } from './engines/wasm.ts'
export { actionCount, createFeatures, type Features, featureCount, type Scales } from './features.ts'
export { createIdentity, createInProcessIdentity, type Identity, policyHash, rawPublicKey } from './identity.ts'
export type { Brief, Closing, Learned, Mixed, Round, Start, VehicleHandlers, VehicleIo } from './io.ts'
export type { AgentOptions } from './learning.ts'
export { createMailbox, type Held, type Mailbox } from './mailbox.ts'
export { methods } from './methods/index.ts'
export type {
  AggregateMethod,
  Consideration,
  Decision,
  Finding,
  Method,
  PeerMethod,
  RoundConsideration,
  RoundDecision,
  RoundMethod,
  RoundPeer,
  SolitaryMethod,
} from './methods/method.ts'
export type { CommandOptions } from './orders.ts'
export {
  type Arrival,
  type Kind,
  type Opened,
  openParams,
  type ParamsHeader,
  type ReceivedPolicy,
  sealParams,
} from './params.ts'
export { type ReplayOptions, type ReplayResult, replayLog } from './recorder/replay.ts'
export { type Limits, type Permitted, type Proposal, permit, type Sensed } from './safety/envelope.ts'
export { createSimIo } from './sim-io.ts'
export type { Operator } from './trust/command.ts'
export { type OpenedRoster, openRoster, type Roster, type RosterView } from './trust/roster.ts'
export { createRosterIdentity } from './trust/roster-identity.ts'
export { createRosterStore, followRoster, type RosterStore } from './trust/roster-store.ts'
