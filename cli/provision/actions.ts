import { brokerConfigAction } from './broker-config-action.ts'
import {
  brokerAction,
  clientAction,
  deviceAction,
  fleetAction,
  listAction,
  operatorAction,
  renewAction,
  revokeAction,
} from './member-actions.ts'
import type { Action } from './options.ts'
import { rosterAction } from './roster-actions.ts'
import { applyAction, enrolAction, machineAction, serveAction, showAction, tokenAction } from './unit-actions.ts'

/** What `trustmix provision` can do, in the order of its help. */
export const actions: Readonly<Record<string, Action>> = {
  fleet: fleetAction,
  device: deviceAction,
  operator: operatorAction,
  bridge: clientAction('bridge'),
  aggregator: clientAction('aggregator'),
  monitor: clientAction('monitor'),
  root: clientAction('root'),
  broker: brokerAction,
  list: listAction,
  renew: renewAction,
  revoke: revokeAction,
  roster: rosterAction,
  'broker-config': brokerConfigAction,
  token: tokenAction,
  serve: serveAction,
  enrol: enrolAction,
  show: showAction,
  apply: applyAction,
  machine: machineAction,
}
