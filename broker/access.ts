/**
 * Who may publish and who may read which topic: pure, default deny. One row is one exact topic; `own` limits a grant to
 * topics whose {vehicle} is the client's own id. `retain` allows the retain flag; `latest` marks topics of which only the
 * newest message matters, so that a receiver that is behind may miss some; `asks` those of the bridge's questions, `paced`
 * those that only answer them.
 */
const watchers = ['monitor', 'operator'] as const
export const accessRows: readonly AccessRow[] = [
  {
    topic: 'v/{vehicle}/status',
    publish: ['own device', 'own aggregator'],
    read: ['bridge', ...watchers],
    retain: true,
  },
  { topic: 'v/{vehicle}/telemetry', publish: ['own device'], read: watchers, latest: true },
  { topic: 'v/{vehicle}/verdict', publish: ['own device'], read: watchers },
  { topic: 'v/{vehicle}/log', publish: ['own device'], read: watchers },
  { topic: 'v/{vehicle}/cmd/{name}', publish: ['operator'], read: ['own device'] },
  { topic: 'v/{vehicle}/ack/{name}', publish: ['own device'], read: watchers },
  {
    topic: 'near/{cell}/{vehicle}/ann',
    publish: ['own device'],
    read: ['device', 'aggregator', ...watchers],
    retain: true,
    latest: true,
  },
  {
    topic: 'near/{cell}/{vehicle}/want',
    publish: ['device', 'aggregator'],
    read: ['own device', 'own aggregator', ...watchers],
  },
  { topic: 'near/{cell}/{vehicle}/params', publish: ['own device'], read: ['device', 'aggregator', ...watchers] },
  { topic: 'aggregate/params', publish: ['aggregator'], read: ['device', ...watchers] },
  { topic: 'sim/{run}/{vehicle}/obs', publish: ['bridge'], read: ['own device', 'own aggregator'], asks: true },
  { topic: 'sim/{run}/{vehicle}/act', publish: ['own device', 'own aggregator'], read: ['bridge'], paced: true },
  { topic: 'sim/{run}/world', publish: ['bridge'], read: watchers, latest: true },
  { topic: 'sim/{run}/run', publish: ['bridge'], read: watchers, retain: true },
  { topic: 'roster', publish: ['root'], read: ['device', 'aggregator', 'root', ...watchers], retain: true },
  { topic: 'ops/health', publish: ['monitor'], read: watchers },
  { topic: 'ops/alarm/{id}', publish: ['monitor'], read: watchers, retain: true },
]

export type Role = 'device' | 'bridge' | 'aggregator' | 'monitor' | 'operator' | 'root'

/** A client as the rules see it; `id` is the vehicle id of a device and `aggregator` for the aggregator. */
export interface Principal {
  readonly role: Role
  readonly id: string
  readonly fleet: string
}

/** A parsed topic or filter that lies inside one row of the table. */
export interface Topic {
  readonly levels: readonly string[]
  readonly rule: Rule
}

/** Why a topic or filter was refused; `topic-malformed` is a protocol violation, the others are not. */
export type Denial =
  | 'topic-malformed'
  | 'topic-invalid'
  | 'topic-unknown'
  | 'topic-forbidden'
  | 'filter-too-wide'
  | 'retain-forbidden'

/** Ids of vehicles, cells, runs, fleets and clients. */
export function isId(text: string): boolean {
  return ID.test(text)
}

/** Finds the row a topic name belongs to; a name with a wildcard belongs to none. */
export function parseTopic(name: string): Topic | Denial {
  const levels = split(name)
  if (typeof levels === 'string') return levels
  if (!levels.every(isId)) return 'topic-invalid'
  const rule = findRule(levels)
  return rule ? { levels, rule } : 'topic-unknown'
}

/** undefined if `principal` may publish on `topic`, else why not. */
export function publishDenial(principal: Principal, topic: Topic, retain: boolean): Denial | undefined {
  const { rule, levels } = topic
  if (levels[FLEET] !== principal.fleet || !granted(rule.publish, rule, principal, levels)) return 'topic-forbidden'
  return retain && !rule.retain ? 'retain-forbidden' : undefined
}

/** Whether `principal` may receive messages of `topic`. */
export function mayRead(principal: Principal, topic: Topic): boolean {
  const { rule, levels } = topic
  const fleetAllowed = levels[FLEET] === principal.fleet || ANY_FLEET.has(principal.role)
  return fleetAllowed && granted(rule.read, rule, principal, levels)
}

/**
 * undefined if every topic that `filter` matches is readable by `principal`, else why not. A filter must lie inside one
 * row: `+` may stand only where the row has a variable that the role may read whole; `#`, which also matches the parent
 * level, never lies inside an exact row.
 */
export function subscribeDenial(principal: Principal, filter: string): Denial | undefined {
  const levels = split(filter)
  if (typeof levels === 'string') return levels
  const last = levels.length - 1
  if (!levels.every((level, i) => isId(level) || level === '+' || (level === '#' && i === last))) return 'topic-invalid'
  const rule = findRule(levels)
  if (!rule) return levels.some((level) => level === '+' || level === '#') ? 'filter-too-wide' : 'topic-unknown'
  return mayRead(principal, { levels, rule }) ? undefined : 'topic-forbidden'
}

/** The filters of what `principal` may publish and read, `+` for each variable level, for brokers with rules of their own. */
export function filtersOf(principal: Principal): { readonly publish: string[]; readonly read: string[] } {
  const { role, id, fleet } = principal
  const filters = (list: (rule: Rule) => ReadonlyMap<Role, 'own' | 'any'>, anyFleet: boolean): string[] =>
    rules.flatMap((rule) => {
      const scope = list(rule).get(role)
      if (scope === undefined) return []
      const levels = rule.literals.map((literal, i) =>
        i === FLEET ? (anyFleet ? '+' : fleet) : (literal ?? (scope === 'own' && i === rule.vehicle ? id : '+')),
      )
      return [levels.join('/')]
    })
  return { publish: filters((rule) => rule.publish, false), read: filters((rule) => rule.read, ANY_FLEET.has(role)) }
}

export type Grant = Role | `own ${Role}`

/** A row of the table; `topic` without `tm/v1/{fleet}/`. */
export interface AccessRow {
  readonly topic: string
  readonly publish: readonly Grant[]
  readonly read: readonly Grant[]
  readonly retain?: true
  readonly latest?: true
  readonly asks?: true
  readonly paced?: true
}

/** A row made ready for matching: `undefined` stands for a variable level. */
export interface Rule {
  readonly literals: readonly (string | undefined)[]
  readonly vehicle: number
  readonly publish: ReadonlyMap<Role, 'own' | 'any'>
  readonly read: ReadonlyMap<Role, 'own' | 'any'>
  readonly retain: boolean
  readonly latest: boolean
  readonly asks: boolean
  readonly paced: boolean
  readonly isRoster: boolean
}

const ID = /^[A-Za-z0-9_-]{1,23}$/
const MAX_LEVELS = 7
const MAX_LENGTH = MAX_LEVELS * 24
const FLEET = 2
/** Roles that may read every fleet of the broker. */
const ANY_FLEET: ReadonlySet<Role> = new Set(['monitor', 'operator'])

const rules: readonly Rule[] = accessRows.map((row) => {
  const names = `tm/v1/{fleet}/${row.topic}`.split('/')
  return {
    literals: names.map((name) => (name.startsWith('{') ? undefined : name)),
    vehicle: names.indexOf('{vehicle}'),
    publish: grants(row.publish),
    read: grants(row.read),
    retain: row.retain ?? false,
    latest: row.latest ?? false,
    asks: row.asks ?? false,
    paced: row.paced ?? false,
    isRoster: row.topic === 'roster',
  }
})

function grants(list: readonly Grant[]): ReadonlyMap<Role, 'own' | 'any'> {
  return new Map(
    list.map((grant) => (grant.startsWith('own ') ? [grant.slice(4) as Role, 'own'] : [grant as Role, 'any'])),
  )
}

function granted(
  list: ReadonlyMap<Role, 'own' | 'any'>,
  rule: Rule,
  principal: Principal,
  levels: readonly string[],
): boolean {
  const scope = list.get(principal.role)
  return scope === 'any' || (scope === 'own' && levels[rule.vehicle] === principal.id)
}

function split(text: string): string[] | Denial {
  // the parser decodes ill-formed UTF-8 to U+FFFD, which no topic of ours contains
  if (text.includes('\u0000') || text.includes('\ufffd')) return 'topic-malformed'
  if (text.length > MAX_LENGTH) return 'topic-invalid'
  const levels = text.split('/')
  return levels.length > MAX_LEVELS ? 'topic-invalid' : levels
}

function findRule(levels: readonly string[]): Rule | undefined {
  return rules.find(({ literals }) => {
    if (literals.length !== levels.length) return false
    for (let i = 0; i < literals.length; i++) {
      const literal = literals[i]
      if (literal === undefined ? levels[i] === '#' : literal !== levels[i]) return false
    }
    return true
  })
}
