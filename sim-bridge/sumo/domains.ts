import * as tc from './constants.ts'
import { SumoError } from './errors.ts'
import type { StorageReader, StorageWriter } from './storage.ts'

/** Asks for the version of the protocol and of SUMO. */
export function writeGetVersion(writer: StorageWriter): void {
  writer.beginCommand(tc.CMD_GETVERSION)
  writer.endCommand()
}

/** Returns the version of the protocol and SUMO's own words for its version ("SUMO 1.15.0"). */
export function readVersion(reader: StorageReader): { readonly api: number; readonly name: string } {
  readStatus(reader, tc.CMD_GETVERSION, 'version')
  reader.readCommandLength()
  const response = reader.readUnsignedByte()
  if (response !== tc.CMD_GETVERSION)
    throw new SumoError(`SUMO must answer the question for its version (${tc.CMD_GETVERSION}), got ${response}`)
  return { api: reader.readInteger(), name: reader.readString() }
}

/** Starts the simulation again with these command line arguments; all subscriptions and speed modes are lost. */
export function writeLoad(writer: StorageWriter, sumoArguments: readonly string[]): void {
  writer.beginCommand(tc.CMD_LOAD)
  writer.writeUnsignedByte(tc.TYPE_STRINGLIST)
  writer.writeInteger(sumoArguments.length)
  for (const argument of sumoArguments) writer.writeString(argument)
  writer.endCommand()
}

/** One step: time 0 means the next one. */
export function writeSimulationStep(writer: StorageWriter): void {
  writer.beginCommand(tc.CMD_SIMSTEP)
  writer.writeDouble(0)
  writer.endCommand()
}

export function writeClose(writer: StorageWriter): void {
  writer.beginCommand(tc.CMD_CLOSE)
  writer.endCommand()
}

/** vehicle.setSpeedMode: the bits say which of SUMO's safety checks stay on (1: safe speed only). */
export function writeSpeedMode(writer: StorageWriter, vehicle: string, mode: number): void {
  writer.beginCommand(tc.CMD_SET_VEHICLE_VARIABLE)
  writer.writeUnsignedByte(tc.VAR_SPEEDSETMODE)
  writer.writeString(vehicle)
  writer.writeUnsignedByte(tc.TYPE_INTEGER)
  writer.writeInteger(mode)
  writer.endCommand()
}

/** vehicle.slowDown: reach `speed` (m/s) within `duration` (s); may also be faster than now. */
export function writeSlowDown(writer: StorageWriter, vehicle: string, speed: number, duration: number): void {
  writer.beginCommand(tc.CMD_SET_VEHICLE_VARIABLE)
  writer.writeUnsignedByte(tc.CMD_SLOWDOWN)
  writer.writeString(vehicle)
  writer.writeUnsignedByte(tc.TYPE_COMPOUND)
  writer.writeInteger(2)
  writer.writeUnsignedByte(tc.TYPE_DOUBLE)
  writer.writeDouble(speed)
  writer.writeUnsignedByte(tc.TYPE_DOUBLE)
  writer.writeDouble(duration)
  writer.endCommand()
}

/** Subscribes to the state of a vehicle: the current values come at once, then after every step. */
export function writeVehicleSubscription(writer: StorageWriter, vehicle: string): void {
  writeSubscription(writer, tc.CMD_SUBSCRIBE_VEHICLE_VARIABLE, vehicle, [
    tc.VAR_SPEED,
    tc.VAR_ROAD_ID,
    tc.VAR_LANEPOSITION,
  ])
}

/** Subscribes to the list of collisions (simulation.getCollisions). */
export function writeSimulationSubscription(writer: StorageWriter): void {
  writeSubscription(writer, tc.CMD_SUBSCRIBE_SIM_VARIABLE, '', [tc.VAR_COLLISIONS])
}

function writeSubscription(writer: StorageWriter, command: number, object: string, variables: readonly number[]): void {
  writer.beginCommand(command)
  writer.writeDouble(tc.INVALID_DOUBLE_VALUE)
  writer.writeDouble(tc.INVALID_DOUBLE_VALUE)
  writer.writeString(object)
  writer.writeUnsignedByte(variables.length)
  for (const variable of variables) writer.writeUnsignedByte(variable)
  writer.endCommand()
}

/** Reads the answer to a load. */
export function readLoad(reader: StorageReader): void {
  readStatus(reader, tc.CMD_LOAD, 'load')
}

/** Reads the answer to a command that sets something of a vehicle; `subject` names it in the error. */
export function readVehicleCommand(reader: StorageReader, subject: string): void {
  readStatus(reader, tc.CMD_SET_VEHICLE_VARIABLE, subject)
}

/** Reads the answer to one command; throws SUMO's words where it refused. */
function readStatus(reader: StorageReader, command: number, subject: string): void {
  reader.readCommandLength()
  const id = reader.readUnsignedByte()
  const result = reader.readUnsignedByte()
  const words = reader.readString()
  if (id !== command) {
    throw new SumoError(`SUMO must answer in the order of the commands: ${command} (${subject}), got ${id}`)
  }
  if (result === tc.RTYPE_OK) return
  const verb = result === tc.RTYPE_NOTIMPLEMENTED ? 'does not know' : 'refused'
  throw new SumoError(`SUMO ${verb} the command "${subject}": ${words}`)
}

/** What one step or subscription tells about the vehicles; each method gets plain values, nothing is allocated but strings. */
export interface StateSink {
  onVehicle(vehicle: string, road: string, lanePosition: number, speed: number): void
  onCollision(collider: string, victim: string, place: number): void
}

/** Reads the answer to a step: its status, then all subscribed values. */
export function readSimulationStep(reader: StorageReader, sink: StateSink): void {
  readStatus(reader, tc.CMD_SIMSTEP, 'simulationStep')
  const blocks = reader.readInteger()
  for (let i = 0; i < blocks; i++) readSubscriptionBlock(reader, sink)
}

/** Reads the answer to a vehicle subscription: its status and the current values. */
export function readVehicleSubscription(reader: StorageReader, vehicle: string, sink: StateSink): void {
  readStatus(reader, tc.CMD_SUBSCRIBE_VEHICLE_VARIABLE, `subscribe to vehicle ${vehicle}`)
  readSubscriptionBlock(reader, sink)
}

/** Reads the answer to the simulation subscription: its status and the current values. */
export function readSimulationSubscription(reader: StorageReader, sink: StateSink): void {
  readStatus(reader, tc.CMD_SUBSCRIBE_SIM_VARIABLE, 'subscribe to collisions')
  readSubscriptionBlock(reader, sink)
}

function readSubscriptionBlock(reader: StorageReader, sink: StateSink): void {
  const end = reader.offset + reader.readCommandLength()
  const response = reader.readUnsignedByte()
  if (response !== tc.RESPONSE_SUBSCRIBE_VEHICLE_VARIABLE && response !== tc.RESPONSE_SUBSCRIBE_SIM_VARIABLE)
    throw new SumoError(`SUMO must send the values subscribed to, got an answer of kind ${response}`)
  const object = reader.readString()
  const variables = reader.readUnsignedByte()
  let road = ''
  let lanePosition = Number.NaN
  let speed = Number.NaN
  for (let i = 0; i < variables; i++) {
    const variable = reader.readUnsignedByte()
    if (reader.readUnsignedByte() !== tc.RTYPE_OK) {
      throw new SumoError(`SUMO refused variable ${variable} of "${object}": ${reader.readTypedString()}`)
    }
    if (variable === tc.VAR_SPEED) speed = reader.readTypedDouble()
    else if (variable === tc.VAR_ROAD_ID) road = reader.readTypedString()
    else if (variable === tc.VAR_LANEPOSITION) lanePosition = reader.readTypedDouble()
    else if (variable === tc.VAR_COLLISIONS) readCollisions(reader, sink)
    else throw new SumoError(`SUMO must send subscribed variables only, got ${variable} of "${object}"`)
  }
  if (reader.offset !== end) {
    throw new SumoError(`a subscription block must end at byte ${end}, got ${reader.offset}`)
  }
  if (response === tc.RESPONSE_SUBSCRIBE_VEHICLE_VARIABLE) sink.onVehicle(object, road, lanePosition, speed)
}

function readCollisions(reader: StorageReader, sink: StateSink): void {
  reader.readCompound()
  const count = reader.readTypedInteger()
  for (let i = 0; i < count; i++) {
    const collider = reader.readTypedString()
    const victim = reader.readTypedString()
    for (const skip of collisionRest) reader[skip]()
    sink.onCollision(collider, victim, reader.readTypedDouble())
  }
}

/** What stands between the two ids of a collision and its place (m): both types, both speeds, kind, lane. */
const collisionRest = [
  'readTypedString',
  'readTypedString',
  'readTypedDouble',
  'readTypedDouble',
  'readTypedString',
  'readTypedString',
] as const
