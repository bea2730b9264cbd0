import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useTools } from './hooks.ts'

export interface CanvasProps {
  /** What is drawn, for those who do not see it; where the same can be read. */
  readonly label: string
  /** CSS pixels. */
  readonly width: number
  readonly height: number
  readonly everyMs: number
  /** Draws what is newest; the context's unit is the CSS pixel. */
  readonly draw: (context: CanvasRenderingContext2D, ratio: number) => void
  readonly class?: string
  readonly onPoint?: (x: number, y: number) => void
  readonly onLeave?: () => void
  readonly onPress?: (x: number, y: number) => void
  /** Gets the element, for what is to be read from outside. */
  readonly onElement?: (element: HTMLCanvasElement) => void
}

/** A picture that is drawn in frames, sharp on every screen. A table beside it says the same. */
export function Canvas(props: CanvasProps): JSX.Element {
  const { label, width, height, everyMs, onPoint, onLeave, onPress } = props
  const { loop } = useTools()
  const element = useRef<HTMLCanvasElement>(null)
  const latest = useRef(props)
  latest.current = props

  useEffect(() => {
    if (element.current) latest.current.onElement?.(element.current)
  }, [])
  useEffect(
    () =>
      loop.add(everyMs, () => {
        const canvas = element.current
        const { width, height, draw } = latest.current
        if (!canvas || width < 1 || height < 1) return
        const ratio = Math.min(2, devicePixelRatio)
        const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
        if (canvas.width !== wide) canvas.width = wide
        if (canvas.height !== high) canvas.height = high
        const context = canvas.getContext('2d')
        if (!context) return
        context.setTransform(ratio, 0, 0, ratio, 0, 0)
        draw(context, ratio)
      }),
    [loop, everyMs],
  )
  const at = (event: MouseEvent, told: ((x: number, y: number) => void) | undefined): void => {
    const box = element.current?.getBoundingClientRect()
    if (box) told?.(event.clientX - box.left, event.clientY - box.top)
  }
  return (
    <canvas
      ref={element}
      class={props.class}
      role="img"
      aria-label={label}
      style={{ width: `${width}px`, height: `${height}px` }}
      onPointerMove={onPoint && ((event) => at(event, onPoint))}
      onPointerLeave={onLeave}
      onPointerDown={onPress && ((event) => at(event, onPress))}
    />
  )
}
