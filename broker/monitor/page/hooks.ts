import { createContext, type RefObject } from 'preact'
import { useContext, useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'
import type { MonitorConfig } from '../../../schemas/monitor-config.ts'
import type { Connection } from './connection.ts'
import type { FrameLoop } from './frame-loop.ts'
import type { PageState } from './model/page-state.ts'
import { type Route, routeOf } from './model/route.ts'
import type { Operator } from './operator.ts'
import type { Colours, Theme } from './theme.ts'

/** What every view works with. */
export interface Tools {
  readonly config: MonitorConfig
  readonly page: PageState
  readonly connection: Connection
  readonly operator: Operator
  readonly loop: FrameLoop
  readonly theme: Theme
}

export const ToolsContext = createContext<Tools | undefined>(undefined)

export function useTools(): Tools {
  const tools = useContext(ToolsContext)
  if (!tools) throw new Error('a view must stand inside ToolsContext')
  return tools
}

/** Draws the component anew at most every so many milliseconds while the page is shown; returns the time of drawing. */
export function useTick(everyMs = 250): number {
  const { loop } = useTools()
  const redraw = useRedraw()
  useEffect(() => loop.add(everyMs, redraw), [loop, everyMs])
  return performance.now()
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = (): void => setHash(location.hash)
    changed()
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return routeOf(hash)
}

/** Width and height of an element's content, CSS pixels; 0 until it is laid out. */
export function useSize<T extends HTMLElement>(): {
  readonly ref: RefObject<T | null>
  readonly width: number
  readonly height: number
} {
  const ref = useRef<T>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const element = ref.current
    if (!element) return
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = element
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return { ref, ...size }
}

/** Colours of the present theme, as canvases need them. */
export function useColours(): Colours {
  const { theme } = useTools()
  const redraw = useRedraw()
  useEffect(() => theme.onChange(redraw), [theme])
  return theme.colours
}

/**
 * Where what has the focus is replaced inside the element of `ref`, what came in its place has it: the first field, or what a
 * `tabIndex` offers.
 */
export function useFocusKept<T extends HTMLElement>(): RefObject<T | null> {
  const ref = useRef<T>(null)
  const inside = ref.current?.contains(document.activeElement) ?? false
  useLayoutEffect(() => {
    if (inside && !ref.current?.contains(document.activeElement))
      ref.current?.querySelector<HTMLElement>('input, [tabindex]')?.focus()
  })
  return ref
}

/** Draws the component anew when it is called. */
export function useRedraw(): () => void {
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  return () => redraw(undefined)
}
