import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Bus } from '../../device/bus/bus.ts'
import { createMqttBus } from '../../device/bus/mqtt-bus.ts'
import type { CommandName } from '../../schemas/command.ts'
import type { RunMessage, WorldMessage } from '../../schemas/run.ts'
import type { Status } from '../../schemas/status.ts'
import { channels } from '../../schemas/topics.ts'
import type { Browser } from '../support/browser.ts'
import {
  accessibilityProblems,
  hide,
  inPage,
  lookOut,
  type OpenedPage,
  openBrowser,
  openPage,
  tabTo,
  until,
} from '../support/browser.ts'
import { drawnTwice, goTo, shoot, startWatchedFleet, views, wronglyDrawn } from '../support/monitor-page.ts'
import { giveCommand, handOver, signIn } from '../support/page-operator.ts'
import { requireTool } from '../support/require.ts'

/** Of the page; of a device (`device/bus/mqtt-bus.ts`). */
const pageKeepaliveS = 10
const deviceKeepaliveS = 60

const fleet = 'demo'

t.test('a live fleet of seven, watched and commanded in a browser', async (t) => {
  if (!requireTool(t, 'chromium')) return
  const watched = await startWatchedFleet(t, ['--rollback-drop', '1', '--rollback-window', '1'])
  const browser = await openBrowser(t)
  const opened = await openPage(browser, watched.url)
  await opened.page.emulateMedia({ colorScheme: 'light' })
  const row = (vehicle: string, place: string) =>
    `document.querySelector('tr[data-vehicle="${vehicle}"][data-place="${place}"]')`

  const bus = createMqttBus({ url: await watched.broker(), clientId: 'witness', jitter: () => 0 })
  t.teardown(() => bus.close())
  const commanded = statusesOf(bus, 'car05')
  await bus.ready

  await t.test('all 14 cars are drawn where two world messages say', async (t) => {
    const told = new Map<number, WorldMessage['cars']>()
    bus.subscribe(channels.world, { fleet }, (message) => void told.set(message.time, message.cars))
    const run = new Promise<RunMessage>((resolve) => bus.subscribe(channels.run, { fleet }, resolve))
    const { loopLength } = await run
    await goTo(opened, '#/road', 'table tr[data-car]')
    const [first, second] = await drawnTwice(opened)
    for (const picture of [first, second]) {
      const { time, drawn } = picture
      // The page may hear it before this witness does.
      for (let i = 0; i < 100 && !told.has(time); i++) await wait(100)
      const cars = told.get(time)
      t.ok(cars, `the world was told at ${time} s`)
      if (!cars) continue
      t.same(drawn.map(({ id }) => id).sort(), Object.keys(cars).sort())
      t.equal(drawn.length, 14)
      t.same(wronglyDrawn(cars, picture, loopLength), [], 'place and colour')
    }
    t.not(first.time, second.time)
    const moved = second.drawn.filter(({ x, y }, i) => Math.hypot(x - first.drawn[i]!.x, y - first.drawn[i]!.y) > 0.1)
    t.ok(moved.length >= 7, `${moved.length} cars have moved`)
    const table = await inPage<number>(opened, "document.querySelectorAll('tr[data-car]').length")
    t.equal(table, 14, 'the table names them all')
  })

  await t.test('a verdict arrives, with its evidence', async () => {
    await goTo(opened, '#/collaboration', 'h1')
    await until(opened, "document.querySelectorAll('tr[data-own]').length >= 6", 200_000)
    await clickCell(opened, 0, 1)
    await opened.page.waitForSelector('.evidence[data-verdict]')
    await opened.page.waitForSelector('tr.marked[data-own="car01"][data-peer="car03"]')
  })

  await t.test('a device that is killed is offline within a second, and its alarm comes and goes', async (t) => {
    await goTo(opened, '#/fleet', 'tr[data-vehicle="car03"]')
    await until(opened, row('car03', 'online'), 10_000)
    const lost = await lookOut(opened, row('car03', 'lost'), 10_000)
    const killedAt = Date.now()
    process.kill(watched.fleet.pid('device', 'car03'), 'SIGKILL')
    const afterMs = (await lost.seen) - killedAt
    t.ok(afterMs <= 1_000, `it is shown as offline ${afterMs} ms after it was killed`)
    await until(opened, row('car03', 'online'), 60_000)
    await goTo(opened, '#/alarms', 'h1')
    await opened.page.getByRole('table', { name: 'Alarms that are over' }).getByText('Offline').first().waitFor()
    t.pass('it is listed as over')
  })

  await t.test('every command by keyboard alone, each acknowledged', async (t) => {
    await goTo(opened, '#/vehicle/car05', '[data-command]')
    t.match(await opened.page.locator('.view-only').innerText(), /View only\..*role operator.*Choose your key/s)
    await signIn(opened, watched.directory)
    await until(opened, "document.querySelector('.view-only') === null", 10_000)
    t.match(await opened.page.locator('.chip').innerText(), /as operator/)
    await commanded((status) => status.lastGood !== undefined)
    const give = (name: CommandName): Promise<void> => giveCommand(opened, name)
    await give('pause')
    await commanded((status) => status.paused === true)
    await give('resume')
    await commanded((status) => status.paused === false)
    await tabTo(opened, 'select[name="mode"]')
    await opened.page.keyboard.press('s')
    await give('gate-mode')
    await commanded((status) => status.gateMode === 'strict')
    await give('rollback')
    await give('reload')
    await handOver(t, opened, join(watched.directory, 'state', 'car05', 'update-request.json'))
    const answers = '[aria-labelledby="section-answers-to-commands"] li.log-info'
    await until(opened, `document.querySelectorAll('${answers}').length === 6`, 10_000)
    await shoot(opened.page, 'vehicle-operator')
  })

  await t.test(
    'a device that is stopped is late, then offline; meanwhile the page stays connected, also hidden',
    async (t) => {
      const pid = watched.fleet.pid('device', 'car07')
      await goTo(opened, '#/fleet', 'tr[data-vehicle="car07"]')
      const stoppedAt = Date.now()
      process.kill(pid, 'SIGSTOP')
      t.teardown(() => process.kill(pid, 'SIGCONT'))
      await until(opened, `document.querySelector('tr[data-vehicle="car07"] .sign-warn')`, 30_000)
      await stillConnected(t, opened)
      await goTo(opened, '#/fleet', 'tr[data-vehicle="car07"]')
      const lost = await lookOut(opened, row('car07', 'lost'), 1_500 * deviceKeepaliveS + 10_000)
      const afterMs = (await lost.seen) - stoppedAt
      t.ok(afterMs <= 1_500 * deviceKeepaliveS + 1_000, `it is shown as offline ${afterMs} ms after it was stopped`)
      await goTo(opened, '#/alarms', 'li[data-alarm="offline"][data-vehicle="car07"]')
      t.match(await opened.page.locator('[role=status][aria-live]').last().innerText(), /car07/, 'it is said')
      await checkViews(t, opened)
      await goTo(opened, '#/alarms', 'h1')
      process.kill(pid, 'SIGCONT')
      await until(opened, `!document.querySelector('li[data-alarm="offline"][data-vehicle="car07"]')`, 60_000)
      await goTo(opened, '#/fleet', 'tr[data-vehicle="car07"]')
      await until(opened, row('car07', 'online'), 10_000)
    },
  )

  await narrow(t, browser, watched.url)
  t.same(opened.problems, [], 'nothing on the console, nothing against the policy')
})

/** Waits until a vehicle says something of itself. */
function statusesOf(bus: Bus, vehicle: string): (isSaid: (status: Status) => boolean) => Promise<void> {
  let newest: Status | undefined
  let look = (): void => {}
  bus.subscribe(channels.status, { fleet, vehicle }, (message) => {
    newest = message
    look()
  })
  return (isSaid) =>
    new Promise((resolve) => {
      look = () => newest && isSaid(newest) && resolve()
      look()
    })
}

/** Clicks on a cell of the matrix, as the mouse finds it. */
async function clickCell(opened: OpenedPage, row: number, column: number): Promise<void> {
  const canvas = opened.page.locator('.matrix canvas')
  const { width } = (await canvas.boundingBox())!
  const [left, count] = [74, 7]
  const cell = Math.min(72, (width - left) / count)
  await canvas.click({ position: { x: left + (column + 0.5) * cell, y: left + (row + 0.5) * cell } })
}

/** Three keepalives shown and three hidden on one and the same connection; what was drawn before is current at once. */
async function stillConnected(t: Test, opened: OpenedPage): Promise<void> {
  const told = (): Promise<{ sockets: number; pings: number }> => inPage(opened, 'told')
  const before = await told()
  const waitMs = (3 * pageKeepaliveS + 10) * 1_000
  const pings = (count: number): string => `told.pings >= ${count}`
  await until(opened, pings(before.pings + 3), waitMs)
  await goTo(opened, '#/road', 'canvas')
  const { show } = await hide(opened)
  const hiddenAt = await inPage<number>(opened, "document.querySelector('.road-picture canvas').drawnTime")
  const shownPings = (await told()).pings
  await until(opened, pings(shownPings + 3), waitMs)
  t.equal(
    await inPage(opened, "document.querySelector('.road-picture canvas').drawnTime"),
    hiddenAt,
    'nothing was drawn while it was hidden',
  )
  const current = drawnAfter(opened, hiddenAt)
  // Expressions are taken in turn: when this one is answered that one looks.
  await inPage(opened, '0')
  await show()
  const afterMs = await current
  t.ok(afterMs < 1_000, `it is current ${afterMs} ms after it is shown`)
  t.equal((await told()).sockets, before.sockets, 'the connection has stood all the time')
  t.match(await opened.page.locator('.chip').innerText(), /^Connected/)
}

/** ms from when the page is shown to when its road is drawn as of another time than `drawnTime`. */
function drawnAfter(opened: OpenedPage, drawnTime: number): Promise<number> {
  return inPage(
    opened,
    `new Promise((resolve) => {
      const canvas = document.querySelector('.road-picture canvas')
      document.addEventListener('visibilitychange', () => {
        const shownAt = performance.now()
        const look = () => {
          const ms = performance.now() - shownAt
          if (canvas.drawnTime !== ${drawnTime} || ms > 10_000) resolve(ms)
          else requestAnimationFrame(look)
        }
        look()
      }, { once: true })
    })`,
  )
}

/** Every view in both themes: no violation of the rules of accessibility, and a picture. */
async function checkViews(t: Test, opened: OpenedPage): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await opened.page.emulateMedia({ colorScheme: theme })
    await until(opened, `document.documentElement.dataset.theme === '${theme}'`, 10_000)
    for (const [hash, shows] of views) {
      await goTo(opened, hash, shows)
      t.same(await accessibilityProblems(opened), [], `${hash}, ${theme}`)
      await shoot(opened.page, `${hash.slice(2).replace('/', '-')}-${theme}`)
    }
  }
}

/** On a telephone nothing is wider than the screen. */
async function narrow(t: Test, browser: Browser, url: string): Promise<void> {
  const phone = await openPage(browser, url, { width: 390, height: 844 })
  await goTo(phone, '#/road', 'tr[data-car]')
  for (const [hash] of views) {
    await goTo(phone, hash, 'h1')
    const wide = await inPage<number>(phone, 'document.documentElement.scrollWidth')
    t.ok(wide <= 390, `${hash}: ${wide} px wide`)
    await shoot(phone.page, `phone-${hash.slice(2).replace('/', '-')}`)
  }
  t.same(phone.problems, [])
}
