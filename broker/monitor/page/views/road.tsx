import type { JSX } from 'preact'
import { useMemo, useRef, useState } from 'preact/hooks'
import { type RoadShape, roadShape } from '../../../../schemas/road-shape.ts'
import { Canvas } from '../canvas.tsx'
import { carAt, createRoadPicture, type DrawnCar } from '../draw/road-picture.ts'
import { createTimeSpaceStrip } from '../draw/time-space.ts'
import { useColours, useSize, useTick, useTools } from '../hooks.ts'
import { fixed, span } from '../model/format.ts'
import { Empty, Section } from '../parts.tsx'
import { CarTable } from './car-table.tsx'
import { colourTop, SpeedLegend } from './speed-legend.tsx'

/** A canvas that tells which cars it shows, and where. */
export interface RoadCanvas extends HTMLCanvasElement {
  drawn?: readonly DrawnCar[]
  /** Simulated time of what is drawn, s. */
  drawnTime?: number
}

/** A frame of the world is drawn as soon as it is there; more than 50 a second nobody sees. */
const roadEveryMs = 20
const stripEveryMs = 66
/** From when on the picture is said to be old, ms. */
const staleMs = 5_000

/** The road with all its cars, where they have been, and a table of the same. */
export function RoadView(): JSX.Element {
  const { page } = useTools()
  const nowMs = useTick(500)
  const [marked, setMarked] = useState<string>()
  const [labels, setLabels] = useState(false)
  const { run, world } = page.fleet
  const network = run?.message.network ?? ''
  const length = run?.message.loopLength ?? 0
  const shape = useMemo(() => roadShape(network, length), [network, length])
  if (!world)
    return (
      <>
        <h1>Road</h1>
        <Empty title={run ? 'Waiting for the first position of a car' : 'No run yet'}>
          <p>
            Cars appear here as soon as a bridge drives them. Start a run with <code>trustmix fleet --realtime</code>,
            or connect <code>trustmix sim-bridge</code> to this broker.
          </p>
        </Empty>
      </>
    )
  const cars = Object.values(world.message.cars)
  const mean = cars.reduce((sum, { v }) => sum + v, 0) / Math.max(1, cars.length)
  const age = nowMs - world.atMs
  return (
    <>
      <div class="view-head">
        <h1>Road</h1>
        <p class="view-note">
          {age > staleMs || run?.ended
            ? `Last position ${span(age)} ago`
            : `${fixed(world.message.time, 1)} s into the epoch · mean speed ${fixed(mean, 2)} m/s`}
        </p>
        <label class="check">
          <input type="checkbox" checked={labels} onChange={(event) => setLabels(event.currentTarget.checked)} />
          Show ids
        </label>
      </div>
      <div class="road-grid">
        <div class="road-main">
          <Section title="Cars now" tools={<SpeedLegend />}>
            {shape ? (
              <RoadPicture shape={shape} marked={marked} labels={labels} onMark={setMarked} />
            ) : (
              <Empty title={`Roads of the kind ${network || '(not told yet)'} are not drawn`}>
                <p>The table and the strip below show the same cars.</p>
              </Empty>
            )}
            <p class="key">
              <span class="key-learner" aria-hidden="true" /> learner
              <span class="key-human" aria-hidden="true" /> driver model
              <span class="key-forced" aria-hidden="true" /> safety lowers its command
            </p>
          </Section>
          <Section title="Where they have been" note={stripNote(page.track.every)}>
            <Strip shape={shape} />
          </Section>
        </div>
        <CarTable cars={world.message.cars} marked={marked} onMark={setMarked} />
      </div>
    </>
  )
}

function stripNote(every: number): string {
  const which = every === 1 ? '' : `, one car of ${every}`
  return `position along the loop over time${which}`
}

function RoadPicture(props: {
  readonly shape: RoadShape
  readonly marked: string | undefined
  readonly labels: boolean
  readonly onMark: (id: string | undefined) => void
}): JSX.Element {
  const { shape, marked, labels, onMark } = props
  const { page } = useTools()
  const colours = useColours()
  const { ref, width } = useSize<HTMLDivElement>()
  const height = Math.round(Math.min(520, Math.max(190, width * 0.46)))
  const element = useRef<RoadCanvas | undefined>(undefined)
  const before = useRef<readonly unknown[]>([])
  const ratio = Math.min(2, devicePixelRatio)
  const picture = useMemo(
    () => (width > 0 ? createRoadPicture({ shape, width, height, ...colours, topSpeed: colourTop }, ratio) : undefined),
    [shape, width, height, colours, ratio],
  )
  const mark = (x: number, y: number): void => onMark(carAt(element.current?.drawn ?? [], x, y))
  return (
    <div ref={ref} class="road-picture">
      <Canvas
        label="The road from above with all cars; the table Cars says the same"
        width={width}
        height={height}
        everyMs={roadEveryMs}
        onElement={(canvas) => {
          element.current = canvas
        }}
        onPoint={mark}
        onPress={mark}
        onLeave={() => onMark(undefined)}
        draw={(context) => {
          const { world } = page.fleet
          if (!picture || !world || !element.current) return
          // Nothing is drawn again that is there already.
          const scene = [picture, world, marked, labels, element.current.width]
          if (scene.every((part, i) => part === before.current[i])) return
          before.current = scene
          element.current.drawn = picture.draw(context, world.message.cars, marked, labels)
          element.current.drawnTime = world.message.time
        }}
      />
    </div>
  )
}

function Strip({ shape }: { readonly shape: RoadShape | undefined }): JSX.Element {
  const { page } = useTools()
  const colours = useColours()
  const { ref, width } = useSize<HTMLDivElement>()
  const height = Math.round(Math.min(300, Math.max(180, width * 0.28)))
  const ratio = Math.min(2, devicePixelRatio)
  const loopLength = shape?.loopLength ?? page.fleet.run?.message.loopLength ?? 0
  const strip = useMemo(
    () =>
      width > 0 && loopLength > 0
        ? createTimeSpaceStrip(
            { width, height, ...colours, topSpeed: colourTop, loopLength, conflicts: shape?.conflicts ?? [] },
            ratio,
          )
        : undefined,
    [width, height, colours, loopLength, shape, ratio],
  )
  return (
    <div ref={ref} class="strip">
      <Canvas
        label="Position of every car along the loop over the last minutes, coloured by speed; the table Cars holds the newest"
        width={width}
        height={height}
        everyMs={stripEveryMs}
        draw={(context) => strip?.draw(context, page.track)}
      />
    </div>
  )
}
