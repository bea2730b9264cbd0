import type { JSX } from 'preact'
import type { ConnectionState } from './connection.ts'
import { useRedraw, useTick, useTools } from './hooks.ts'
import { span } from './model/format.ts'
import { type Route, type ViewName, viewNames } from './model/route.ts'
import { Loop } from './parts.tsx'
import type { ThemeChoice } from './theme.ts'

const titles: Readonly<Record<ViewName, string>> = {
  road: 'Road',
  fleet: 'Fleet',
  collaboration: 'Collaboration',
  learning: 'Learning',
  alarms: 'Alarms',
}

/** Name, views, connection and theme. */
export function Header({ route }: { readonly route: Route }): JSX.Element {
  const { config, page } = useTools()
  useTick(250)
  const alarms = page.fleet.alarms.size
  // A vehicle is reached through the fleet.
  const present = route.view === 'vehicle' ? 'fleet' : route.view
  return (
    <header class="header">
      <p class="brand" title={config.software}>
        <Loop /> trustmix <span class="brand-fleet">{config.fleet}</span>
      </p>
      <nav aria-label="Views">
        <ul>
          {viewNames.map((name) => (
            <li key={name}>
              <a href={`#/${name}`} aria-current={name === present ? 'page' : undefined}>
                {titles[name]}
                {name === 'alarms' && alarms > 0 && (
                  <span class="badge">
                    {alarms}
                    <span class="unseen"> standing</span>
                  </span>
                )}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <ConnectionChip />
      <ThemeSwitch />
    </header>
  )
}

function ConnectionChip(): JSX.Element {
  const { connection } = useTools()
  const nowMs = useTick(250)
  const { state } = connection
  return (
    <p class={`chip chip-${state.phase}`} title={state.trouble}>
      <span class="chip-dot" aria-hidden="true" />
      <span role="status">{phaseWords[state.phase]}</span>
      <span class="chip-more">{moreOf(state, nowMs)}</span>
    </p>
  )
}

const phaseWords = { connecting: 'Connecting', connected: 'Connected', lost: 'Connection lost' } as const

function moreOf({ phase, sinceMs, retryAtMs, user }: ConnectionState, nowMs: number): string {
  if (phase === 'connected') return user === undefined ? 'view only' : `as ${user}`
  if (phase === 'connecting') return nowMs - sinceMs < 1_500 ? '' : `for ${span(nowMs - sinceMs)}`
  const next = retryAtMs === undefined ? 'trying now' : `next try in ${span(Math.max(1_000, retryAtMs - nowMs + 999))}`
  return `${span(nowMs - sinceMs)} ago, ${next}`
}

const themes: readonly (readonly [ThemeChoice, string, string])[] = [
  ['auto', 'as the system', 'M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM8 2.2v11.6M10.6 3v10M12.8 5v6'],
  [
    'light',
    'light',
    'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6L13 13M13 3l-1.4 1.4M4.4 11.6L3 13',
  ],
  ['dark', 'dark', 'M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6z'],
]

function ThemeSwitch(): JSX.Element {
  const { theme } = useTools()
  const redraw = useRedraw()
  const at = themes.findIndex(([choice]) => choice === theme.choice)
  const [, text, path] = themes[at] ?? themes[0]!
  const [next] = themes[(at + 1) % themes.length] ?? themes[0]!
  return (
    <button
      type="button"
      class="theme"
      aria-label={`Theme: ${text}`}
      title={`Theme: ${text}`}
      onClick={() => {
        theme.choose(next)
        redraw()
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
    </button>
  )
}
