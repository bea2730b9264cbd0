/** The numbers of the TraCI protocol that we use, with SUMO's names (https://sumo.dlr.de/docs/TraCI/Protocol.html). */

/** Oldest version of the protocol that has all we use. */
export const TRACI_VERSION = 20

export const CMD_GETVERSION = 0x00
export const CMD_LOAD = 0x01
export const CMD_SIMSTEP = 0x02
export const CMD_CLOSE = 0x7f
export const CMD_SET_VEHICLE_VARIABLE = 0xc4
export const CMD_SUBSCRIBE_VEHICLE_VARIABLE = 0xd4
export const RESPONSE_SUBSCRIBE_VEHICLE_VARIABLE = 0xe4
export const CMD_SUBSCRIBE_SIM_VARIABLE = 0xdb
export const RESPONSE_SUBSCRIBE_SIM_VARIABLE = 0xeb

export const CMD_SLOWDOWN = 0x14
export const VAR_SPEED = 0x40
export const VAR_ROAD_ID = 0x50
export const VAR_LANEPOSITION = 0x56
export const VAR_SPEEDSETMODE = 0xb3
export const VAR_COLLISIONS = 0x23

export const TYPE_INTEGER = 0x09
export const TYPE_DOUBLE = 0x0b
export const TYPE_STRING = 0x0c
export const TYPE_STRINGLIST = 0x0e
export const TYPE_COMPOUND = 0x0f

export const RTYPE_OK = 0x00
export const RTYPE_NOTIMPLEMENTED = 0x01

/** "No value": as the begin or end of a subscription it means always. */
export const INVALID_DOUBLE_VALUE = -1073741824
