import type { Trajectory } from '../../sim-bridge/trajectory/trajectory.ts'
import { spread } from './curve-labels.ts'
import { type FigureHead, figure, ink, line, small, timeAxis, valueAxis } from './figure.ts'
import type { Scale } from './scale.ts'
import { element, escapeXml, pathData, textElement } from './svg.ts'

export interface SpeedsOptions {
  readonly head: FigureHead
  readonly trajectory: Trajectory
  /** Speed at the top of the axis, m/s. */
  readonly topSpeed: number
  /** Mean speed of the drivers alone, m/s, as a line. */
  readonly baseline?: number
}

const box = { left: 70, top: 124, width: 1010, height: 420 } as const
const size = { width: 1200, height: 610 } as const
const learnerColour = '#1d4ed8'
const driverColour = '#64748b'
const meansColour = '#e8983f'
const mostPoints = 750

/** All cars' speeds over time as SVG text: one thin path per car (class `car`), their mean bold, its means over 10 s as bars. */
export function speedCurves({ head, trajectory, topSpeed, baseline }: SpeedsOptions): string {
  const { steps, stepLength, vehicles, learner, speed } = trajectory
  const cars = vehicles.length
  const seconds = steps * stepLength
  const right = box.left + box.width
  const time = timeAxis(box, seconds)
  const value = valueAxis(box, 0, topSpeed, 'speed (m/s)')
  const stride = Math.max(1, Math.ceil(steps / mostPoints))
  const rows = Array.from({ length: Math.ceil(steps / stride) }, (_, i) => i * stride)
  const thin = vehicles.map((id, car) => {
    const points = rows.map((k) => [time.x((k + 1) * stepLength), value.y(speed[k * cars + car]!)] as const)
    const stroke = learner[car] ? learnerColour : driverColour
    const style = { stroke, 'stroke-width': 0.9, opacity: 0.4, fill: 'none', 'stroke-linejoin': 'round' }
    const name = `<title>${escapeXml(`${id}, ${learner[car] ? 'learner' : 'driver'}`)}</title>`
    return element('path', { class: 'car', 'data-car': id, d: pathData(points), ...style }, name)
  })
  const means = meanSpeeds(trajectory)
  const meanPoints = rows.map((k) => [time.x((k + 1) * stepLength), value.y(means[k]!)] as const)
  const tens = meansOver(means, Math.round(10 / stepLength))
  const bars = tens.map((mean, i) =>
    line(time.x(10 * i), value.y(mean), time.x(Math.min(seconds, 10 * (i + 1))), value.y(mean), {
      stroke: meansColour,
      'stroke-width': 6,
    }),
  )
  const whole = means.reduce((sum, mean) => sum + mean, 0) / steps
  return figure(size.width, size.height, head, [
    ...time.drawn,
    ...value.drawn,
    ...thin,
    ...bars,
    element('path', { d: pathData(meanPoints), fill: 'none', stroke: ink, 'stroke-width': 2.2 }),
    ...(baseline === undefined
      ? []
      : [line(box.left, value.y(baseline), right, value.y(baseline), { stroke: ink, 'stroke-dasharray': '6 4' })]),
    ...sideLabels(right, value.y, [
      { name: 'mean', speed: whole },
      ...(baseline === undefined ? [] : [{ name: 'drivers alone', speed: baseline }]),
    ]),
    ...legend,
  ])
}

/** Names and values right of the axis, each as near to its height as the others allow. */
function sideLabels(right: number, y: Scale, labels: readonly { name: string; speed: number }[]): string[] {
  const sorted = [...labels].sort((a, b) => b.speed - a.speed)
  const wanted = sorted.map(({ speed }) => y(speed))
  const places = spread(wanted, 36, box.top + 10, box.top + box.height - 10)
  return sorted.flatMap(({ name, speed }, i) => {
    const font = { 'font-size': 13, fill: ink, x: right + 8 }
    return [
      textElement({ ...font, y: places[i]! - 3 }, name),
      textElement({ ...font, y: places[i]! + 12, 'font-weight': 700 }, `${speed.toFixed(2)} m/s`),
    ]
  })
}

/** Mean over all cars after each step, m/s. */
export function meanSpeeds({ speed, steps, vehicles }: Pick<Trajectory, 'speed' | 'steps' | 'vehicles'>): number[] {
  const cars = vehicles.length
  return Array.from({ length: steps }, (_, k) => {
    let sum = 0
    for (let i = 0; i < cars; i++) sum += speed[k * cars + i]!
    return sum / cars
  })
}

function meansOver(values: readonly number[], length: number): number[] {
  return Array.from({ length: Math.ceil(values.length / length) }, (_, part) => {
    const within = values.slice(part * length, (part + 1) * length)
    return within.reduce((sum, value) => sum + value, 0) / within.length
  })
}

const legend = (
  [
    ['learner', learnerColour, 1.2],
    ['driver', driverColour, 1.2],
    ['mean of all cars', ink, 2.2],
    ['its means over 10 s', meansColour, 6],
  ] as const
).flatMap(([name, stroke, width], i) => {
  const left = box.left + 190 + [0, 110, 210, 375][i]!
  return [
    line(left, 92, left + 34, 92, { stroke, 'stroke-width': width }),
    textElement({ ...small, x: left + 42, y: 96.5 }, name),
  ]
})
