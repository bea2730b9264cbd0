import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { onLight, scaleColour } from '../../schemas/colour-scale.ts'
import type { Processes } from '../../schemas/process.ts'
import { fitRoad, roadShape } from '../../schemas/road-shape.ts'
import type { WorldMessage } from '../../schemas/run.ts'
import { inPage, type OpenedPage, until } from './browser.ts'
import { startFleet } from './fleet.ts'
import { killWithTest, testFolder } from './program.ts'

/** Where screenshots of the views are left. */
export const screenshots = fileURLToPath(new URL('../../../build/screenshots/', import.meta.url))

/** The views of the page with what each of them must show once a run is under way. */
export const views: readonly (readonly [hash: string, shows: string])[] = [
  ['#/road', 'table tr[data-car]'],
  ['#/fleet', 'table tr[data-vehicle]'],
  ['#/collaboration', 'table tr[data-own]'],
  ['#/learning', '.chart canvas'],
  ['#/vehicle/car01', '.evidence'],
  ['#/alarms', '.view-head'],
]

/** A fleet in real time, and where its monitor is. */
export async function startWatchedFleet(t: Test, args: readonly string[] = []) {
  const directory = join(testFolder(t), 'run')
  const fleet = startFleet(directory, ['--realtime', '--epochs', '60', '--seed', '3', ...args])
  killWithTest(t, fleet.child, 'SIGINT')
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    fleet.child.stderr?.on('data', (chunk) => {
      text += chunk
      const found = /monitor: (http:\S+)/.exec(text)?.[1]
      if (found) resolve(found)
    })
    fleet.ended.then(({ stderr }) => reject(new Error(`the fleet must tell where its monitor is:\n${stderr}`)))
  })
  return {
    fleet,
    directory,
    url,
    /** Where the fleet's own broker is. */
    broker: async (): Promise<string> => {
      const { broker } = JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as Processes
      return broker
    },
  }
}

/** What is on the canvas of the road at a moment. */
export interface Drawn {
  /** Simulated time, s. */
  readonly time: number
  readonly drawn: readonly { readonly id: string; readonly x: number; readonly y: number }[]
  /** Red, green, blue in the middle of each car. */
  readonly pixels: readonly (readonly number[])[]
  readonly width: number
  readonly height: number
}

/** What is drawn at two moments, of which the second shows a later message. */
export async function drawnTwice(opened: OpenedPage): Promise<[Drawn, Drawn]> {
  const seen = `(() => {
    const canvas = document.querySelector('.road-picture canvas')
    const { drawn, drawnTime: time, clientWidth: width, clientHeight: height } = canvas
    const ratio = canvas.width / width
    // A copy: a canvas that is read is no longer drawn as it otherwise would be.
    const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })
    context.drawImage(canvas, 0, 0)
    const pixels = drawn.map(({ x, y }) => [...context.getImageData(x * ratio, y * ratio, 1, 1).data].slice(0, 3))
    return { time, drawn: drawn.map(({ id, x, y }) => ({ id, x, y })), pixels, width, height }
  })()`
  const first = await until<Drawn>(opened, `document.querySelector('.road-picture canvas')?.drawn && ${seen}`, 10_000)
  const second = await until<Drawn>(
    opened,
    `document.querySelector('.road-picture canvas').drawnTime > ${first.time + 1} && ${seen}`,
    30_000,
  )
  return [first, second]
}

/** m; a car's place is its front bumper, its middle is what was drawn. */
const carLength = 5
const pictureMargin = 6
const topSpeed = 15

/** What of the cars is not drawn where, or not in the colour, in which it must be. */
export function wronglyDrawn(
  cars: WorldMessage['cars'],
  { drawn, pixels, width, height }: Omit<Drawn, 'time'>,
  loopLength: number,
): string[] {
  const shape = roadShape('figure-eight', loopLength)
  if (!shape) throw new Error(`a figure eight of ${loopLength} m must have a shape`)
  const fit = fitRoad(shape, width, height, pictureMargin)
  const wrong: string[] = []
  for (const [i, { id, x, y }] of drawn.entries()) {
    const car = cars[id]
    if (!car) {
      wrong.push(`${id} is not in the world`)
      continue
    }
    const [px, py] = fit.project(...shape.place(car.s - carLength / 2))
    if (Math.hypot(px - x, py - y) > 1.5) wrong.push(`${id} at ${x}, ${y}, not ${px}, ${py}`)
    if (car.kind !== 'learner') continue
    const colour = scaleColour(car.v / topSpeed, onLight)
    // Another car may lie over it at the crossing.
    const covered = drawn.some((other, k) => k > i && Math.hypot(other.x - x, other.y - y) < 12)
    if (!covered && colour.some((channel, k) => Math.abs(channel - (pixels[i]?.[k] ?? -99)) > 12))
      wrong.push(`${id} in ${pixels[i]}, not ${colour}`)
  }
  return wrong
}

/** Goes to a view of the page and waits for what it shows. */
export async function goTo(opened: OpenedPage, hash: string, shows: string): Promise<void> {
  const [, view = '', id] = hash.split('/')
  const title = id ?? view.charAt(0).toUpperCase() + view.slice(1)
  await inPage(opened, `location.hash = ${JSON.stringify(hash)}`)
  // Until then what is looked for may be found in the view that is left.
  await until(opened, `document.title.startsWith(${JSON.stringify(`${title} · `)})`, 10_000)
  await opened.page.waitForSelector(shows)
}

/** Leaves a picture of what is shown. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}
