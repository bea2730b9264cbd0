import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { AlarmAnnouncer } from './alarm-announcer.tsx'
import { Header } from './header.tsx'
import { useRoute, useTools } from './hooks.ts'
import type { Route } from './model/route.ts'
import { StatusLine } from './status-line.tsx'
import { AlarmsView } from './views/alarms.tsx'
import { CollaborationView } from './views/collaboration.tsx'
import { FleetView } from './views/fleet.tsx'
import { LearningView } from './views/learning.tsx'
import { RoadView } from './views/road.tsx'
import { VehicleView } from './views/vehicle.tsx'

/** The page: what stays (header, state of the run, announcements) and the view that the address names. */
export function App(): JSX.Element {
  const { config } = useTools()
  const route = useRoute()
  const main = useRef<HTMLElement>(null)
  const place = route.view === 'vehicle' ? `vehicle ${route.vehicle}` : route.view
  const first = useRef(place)

  // At once: in the next frame the focus may already be where somebody has put it.
  useLayoutEffect(() => {
    document.title = `${titleOf(route)} · trustmix ${config.fleet}`
    // Whoever follows a link by keyboard or hears the page goes on at the new view, not at the end of the old one.
    if (first.current !== place) main.current?.focus({ preventScroll: true })
    if (first.current !== place) scrollTo({ top: 0 })
    first.current = place
  }, [place])

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Header route={route} />
      <StatusLine />
      <main id="main" ref={main} tabIndex={-1}>
        <View route={route} />
      </main>
      <AlarmAnnouncer />
    </>
  )
}

function View({ route }: { readonly route: Route }): JSX.Element {
  switch (route.view) {
    case 'road':
      return <RoadView />
    case 'fleet':
      return <FleetView />
    case 'collaboration':
      return <CollaborationView />
    case 'learning':
      return <LearningView />
    case 'alarms':
      return <AlarmsView />
    case 'vehicle':
      return <VehicleView key={route.vehicle} id={route.vehicle} />
  }
}

function titleOf(route: Route): string {
  if (route.view === 'vehicle') return route.vehicle
  return route.view.charAt(0).toUpperCase() + route.view.slice(1)
}
