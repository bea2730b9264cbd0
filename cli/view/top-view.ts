import type { FleetState } from '../../broker/fleet.ts'
import { sortedVehicles } from '../fleet-report.ts'
import { sparkline } from './plot.ts'
import {
  displayWidth,
  fit,
  formatCount,
  formatValue,
  justify,
  padEnd,
  padStart,
  printable,
  type Styles,
} from './text.ts'
import { type Body, columnCount, fleetBody } from './top-fleet.ts'

export interface Moment {
  readonly nowMs: number
  readonly connected: boolean
}

/** The views of `trustmix top` over one state. */
export interface TopView {
  key(key: string): void
  /** At most `height` lines of at most `width` columns. */
  lines(at: Moment, width: number, height: number, styles: Styles): string[]
}

const views = ['fleet', 'collaboration', 'learning', 'alarms'] as const

export function createTopView(state: FleetState): TopView {
  let view: (typeof views)[number] = 'fleet'
  let sortBy = 0
  let reversed = false
  let scroll = 0
  let page = 10

  const body = (at: Moment, width: number, styles: Styles): Body => {
    switch (view) {
      case 'fleet':
        return fleetBody(state, at.nowMs, width, styles, { by: sortBy, reversed })
      case 'collaboration':
        return collaborationBody(state, width, styles)
      case 'learning':
        return learningBody(state, width, styles)
      case 'alarms':
        return alarmsBody(state, width, styles)
    }
  }

  return {
    key(key) {
      const chosen = views[Number(key) - 1]
      if (chosen) {
        view = chosen
        scroll = 0
      } else if (key === 's') sortBy = (sortBy + 1) % columnCount
      else if (key === 'r') reversed = !reversed
      else if (key === 'down' || key === 'j') scroll++
      else if (key === 'up' || key === 'k') scroll--
      else if (key === 'page-down' || key === ' ') scroll += page
      else if (key === 'page-up') scroll -= page
    },
    lines(at, width, height, styles) {
      const top = headLines(state, at, width, styles)
      const tabs = views
        .map((name, i) => (name === view ? styles.bold(`[${i + 1} ${name}]`) : ` ${i + 1} ${name} `))
        .join(' ')
      const { head, rows } = body(at, width, styles)
      page = Math.max(1, height - top.length - head.length - 3)
      scroll = Math.max(0, Math.min(scroll, rows.length - page))
      const more = rows.length > page ? `${scroll + 1}–${Math.min(rows.length, scroll + page)} of ${rows.length}` : ''
      const foot = justify(styles.dim(' q quit  s sort  r reverse  ↑↓ scroll'), styles.dim(`${more} `), width)
      const lines = [...top, ` ${tabs}`, ...head, ...rows.slice(scroll, scroll + page)]
      while (lines.length < height - 1) lines.push('')
      return [...lines.slice(0, Math.max(0, height - 1)), foot].map((line) => fit(line, width))
    },
  }
}

function headLines({ fleet, run, health, alarms }: FleetState, at: Moment, width: number, styles: Styles): string[] {
  const link = at.connected ? '' : styles.red('no connection  ')
  const old = health && at.nowMs - health.atMs > staleMs
  const monitor =
    !health || old ? styles.yellow('no monitor is heard') : `${health.message.messagesPerSecond ?? 0} messages/s`
  const title = ` ${styles.bold(`trustmix  ${printable(fleet)}`)}`
  if (!run) return [justify(title, `${link}${monitor} `, width), styles.dim(' no run yet')]
  const { message, ended } = run
  const { epoch, epochs, method, setting, preset, history, baseline } = message
  const last = history.at(-1)
  const state = ended ? styles.yellow('run ended') : `epoch ${epoch}/${epochs}`
  const speed = last === undefined ? '' : `  NAS ${last.toFixed(3)} (drivers ${baseline.nas.toFixed(3)})`
  const online = health ? `${health.message.online}/${health.message.vehicles} online  ` : ''
  const count = alarms.size > 0 ? styles.red(`${alarms.size} alarm${alarms.size === 1 ? '' : 's'}  `) : ''
  return [
    justify(
      `${title} · ${printable(method)} · ${printable(setting)} · ${printable(preset)}`,
      `${link}${monitor} `,
      width,
    ),
    justify(` ${state}${speed}`, `${count}${online}`, width),
  ]
}

/** Milliseconds after which a health message is old: one comes every second. */
const staleMs = 5_000

/** Rows judge, columns were judged: share of accepted ones, and how many there were. */
function collaborationBody(state: FleetState, width: number, styles: Styles): Body {
  const ids = sortedVehicles(state).map(({ id }) => id)
  // The averaging server judges nobody and is judged.
  const peers = [...new Set([...ids, ...[...state.pairs.values()].map(({ peer }) => peer)])].sort()
  const idWidth = Math.min(12, Math.max(8, ...ids.map((id) => displayWidth(id) + 1)))
  const shown = peers.slice(0, Math.max(1, Math.floor((width - idWidth - 2) / 8)))
  const left = peers.length - shown.length
  const head = `  ${padEnd('own←peer', idWidth)}${shown.map((id) => padStart(id.slice(-6), 8)).join('')}`
  const rows = ids.map((own) => {
    const cells = shown.map((peer) => {
      if (peer === own) return padStart('·', 8)
      const pair = state.pairs.get(`${own}>${peer}`)
      if (!pair) return padStart('–', 8)
      const text = padStart(`${pair.accepted}/${pair.accepted + pair.rejected}`, 8)
      return pair.last.accepted ? styles.green(text) : text
    })
    return `  ${padEnd(own, idWidth)}${cells.join('')}`
  })
  const reasons = new Map<string, number>()
  for (const { rejected } of state.vehicles.values())
    for (const [reason, count] of rejected) reasons.set(reason, (reasons.get(reason) ?? 0) + count)
  const why = [...reasons].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${reason} ${formatCount(count)}`)
  return {
    head: [
      '',
      styles.dim(` accepted / judged${left > 0 ? `; ${left} more peers are not shown` : ''}`),
      styles.dim(head),
    ],
    rows: [...rows, '', styles.dim(`  refused: ${why.join(', ') || 'nothing'}`)],
  }
}

function learningBody(state: FleetState, width: number, styles: Styles): Body {
  const { run } = state
  const chart = Math.max(10, width - 40)
  const rows = sortedVehicles(state).map(({ id, returns }) => {
    const { values } = returns.points()
    const span = values.length > 0 ? `${Math.min(...values).toFixed(2)} … ${Math.max(...values).toFixed(2)}` : ''
    return `  ${padEnd(id, 12)}${padStart(formatValue(returns.last, 3), 8)} ${padEnd(styles.cyan(sparkline(values.slice(-chart), chart)), chart)} ${styles.dim(span)}`
  })
  const history = run?.message.history ?? []
  const nas = history.length > 0 ? styles.cyan(sparkline(history.slice(-chart), chart)) : ''
  return {
    head: [
      '',
      `  ${padEnd('NAS', 12)}${padStart(formatValue(history.at(-1), 3), 8)} ${nas}`,
      styles.dim('  return of each round'),
    ],
    rows,
  }
}

function alarmsBody({ alarms }: FleetState, width: number, styles: Styles): Body {
  const rows = [...alarms.values()].flatMap(({ kind, vehicle, since, text, advice }) => [
    ` ${styles.red(padEnd(kind, 11))} ${styles.bold(padEnd(vehicle, 12))} since ${since.slice(11, 19)}  ${printable(text)}`,
    ...wrapped(printable(advice), width - 15).map((line) => styles.dim(`${' '.repeat(13)}${line}`)),
  ])
  return { head: [''], rows: rows.length > 0 ? rows : [styles.green('  nothing is wrong that the monitor knows of')] }
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
