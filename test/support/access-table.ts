/** Written from the design's table, not from the code: topic, who may publish it, who may read it. */
export const table: readonly [topic: string, publishers: string, readers: string][] = [
  ['v/d1/status', 'd1', 'bridge monitor operator'],
  ['v/d1/telemetry', 'd1', 'monitor operator'],
  ['v/d1/verdict', 'd1', 'monitor operator'],
  ['v/d1/log', 'd1', 'monitor operator'],
  ['v/d1/cmd/stop', 'operator', 'd1'],
  ['v/d1/ack/stop', 'd1', 'monitor operator'],
  ['v/aggregator/status', 'aggregator', 'bridge monitor operator'],
  ['v/aggregator/telemetry', '', 'monitor operator'],
  ['v/aggregator/cmd/stop', 'operator', ''],
  ['near/all/d1/ann', 'd1', 'd1 d2 aggregator monitor operator'],
  ['near/all/d1/want', 'd1 d2 aggregator', 'd1 monitor operator'],
  ['near/all/d1/params', 'd1', 'd1 d2 aggregator monitor operator'],
  ['near/all/aggregator/want', 'd1 d2 aggregator', 'aggregator monitor operator'],
  ['near/all/aggregator/params', '', 'd1 d2 aggregator monitor operator'],
  ['aggregate/params', 'aggregator', 'd1 d2 monitor operator'],
  ['sim/r1/d1/obs', 'bridge', 'd1'],
  ['sim/r1/d1/act', 'd1', 'bridge'],
  ['sim/r1/aggregator/obs', 'bridge', 'aggregator'],
  ['sim/r1/aggregator/act', 'aggregator', 'bridge'],
  ['sim/r1/world', 'bridge', 'monitor operator'],
  ['sim/r1/run', 'bridge', 'monitor operator'],
  ['roster', 'root', 'd1 d2 aggregator monitor operator root'],
  ['ops/health', 'monitor', 'monitor operator'],
  ['ops/alarm/a1', 'monitor', 'monitor operator'],
  // a vehicle's id shadows nothing, and what the table does not name nobody has
  ['v/near/status', '', 'bridge monitor operator'],
  ['v/d1/other', '', ''],
  ['v/d1/cmd', '', ''],
  ['near/all/params', '', ''],
  ['aggregate/d1/params', '', ''],
  ['sim/r1/d1/world', '', ''],
  ['tm/v1/other/v/d1/status', '', 'monitor operator'],
  ['tm/v1/other/near/all/d1/want', '', 'monitor operator'],
  ['tm/v1/other/ops/health', '', 'monitor operator'],
  ['tm/v2/demo/v/d1/status', '', ''],
  ['$SYS/demo/new/clients', '', ''],
]
/** Topics that may be retained by those who may publish them. */
export const retainable = [
  'v/d1/status',
  'near/all/d1/ann',
  'sim/r1/run',
  'roster',
  'ops/alarm/a1',
  'v/aggregator/status',
]

/** One member of each role, two of the devices; user name, client id and id are the same. */
export const names = ['d1', 'd2', 'bridge', 'aggregator', 'monitor', 'operator', 'root']

export const full = (topic: string): string => (/^(tm\/|\$)/.test(topic) ? topic : `tm/v1/demo/${topic}`)

/** Whether one of the space-separated names is `name`. */
export const lists = (list: string, name: string): boolean => list.split(' ').includes(name)
