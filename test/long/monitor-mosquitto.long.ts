import { spawn } from 'node:child_process'
import { join } from 'node:path'
import mqtt from 'mqtt'
import t, { type Test } from 'tap'
import { accessibilityProblems, inPage, openBrowser, openPage, until } from '../support/browser.ts'
import { bin, runFleet } from '../support/fleet.ts'
import { freePort } from '../support/free-port.ts'
import { goTo, shoot } from '../support/monitor-page.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { killWithTest, testFolder } from '../support/program.ts'
import { requireTool } from '../support/require.ts'

t.test("the same page at mosquitto's WebSocket listener", async (t) => {
  if (!requireTool(t, 'chromium') || !requireTool(t, 'mosquitto')) return
  const webSocketPort = await freePort()
  const mosquitto = await startMosquitto(t, {
    // Without the last one it drops messages of QoS 0 for a page that falls a thousand behind.
    lines: [`listener ${webSocketPort} 127.0.0.1`, 'protocol websockets', 'max_queued_messages 0'],
  })
  const url = await startMonitor(t, mosquitto.url, `ws://127.0.0.1:${webSocketPort}/mqtt`)
  const opened = await openPage(await openBrowser(t), url)
  const text = (selector: string): Promise<string> => opened.page.locator(selector).first().innerText()

  await t.test('before anything has been told it says what is missing', async (t) => {
    await until(opened, "document.querySelector('.chip-connected')", 30_000)
    t.equal(await inPage(opened, 'told.sockets'), 1)
    for (const [hash, says] of [
      ['#/road', /No run yet/],
      ['#/fleet', /No vehicle has told its status/],
      ['#/collaboration', /No verdict has come/],
      ['#/learning', /No run yet.*No return/s],
      ['#/vehicle/car01', /Nothing has been heard of car01/],
      ['#/alarms', /No alarm stands/],
    ] as const) {
      await goTo(opened, hash, '.empty')
      t.match(await text('main'), says)
      t.same(await accessibilityProblems(opened), [], hash)
    }
    await until(opened, "/not available/.test(document.querySelector('.status-line').textContent)", 10_000)
    await shoot(opened.page, 'empty')
  })

  await t.test('a run is followed, and its data stay when it has ended', async (t) => {
    await goTo(opened, '#/road', 'h1')
    const run = runFleet(join(testFolder(t), 'run'), ['--epochs', '4', '--seed', '4', '--broker', mosquitto.url])
    const [summary] = await Promise.all([
      run,
      until(opened, "document.querySelectorAll('tr[data-car]').length === 14", 120_000),
    ])
    await until(opened, "/ended/.test(document.querySelector('.status-run').textContent)", 30_000)
    await goTo(opened, '#/learning', '.chart canvas')
    t.match(await text('.figures'), new RegExp(`Last epoch\\s+4\\s+NAS\\s+${summary.epochs[3]!.nas.toFixed(3)}`))
    await goTo(opened, '#/collaboration', 'tr[data-own]')
    const verdicts = 4 * 6 * 7 * 6
    const heard = `document.querySelector('main .view-note').textContent.replace(/\\s/g, '').startsWith('${verdicts}verdictsheard')`
    await t.resolves(until(opened, heard, 30_000), 'none was lost')
    await shoot(opened.page, 'collaboration-lock-step')
  })

  await t.test('what a vehicle says is text, whatever it is', async (t) => {
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    const vehicle = await mqtt.connectAsync(mosquitto.url)
    const say = (topic: string, message: object) =>
      vehicle.publishAsync(`tm/v1/demo/v/hostile/${topic}`, JSON.stringify({ version: 1, ...message }))
    await say('status', { state: 'online', boot: 1, connection: 1, software: hostile.slice(0, 64), notes: [hostile] })
    await say('log', { level: 'warning', event: '<b>bold</b>', text: hostile })
    await vehicle.endAsync()
    await goTo(opened, '#/vehicle/hostile', '.log-warning')
    t.equal(await text('.log-text'), hostile)
    t.equal(await text('.notes li'), hostile)
    t.equal(await inPage(opened, "document.querySelectorAll('main img, main script, main b').length"), 0)
    t.match(await inPage<string>(opened, 'document.title'), /^hostile/)
    await goTo(opened, '#/fleet', 'tr[data-vehicle="hostile"]')
  })

  await t.test('a broker that goes away and comes back', async (t) => {
    const before = await inPage<number>(opened, 'told.sockets')
    await mosquitto.stop()
    await until(opened, "document.querySelector('.chip-lost')", 15_000)
    t.match(await text('.chip'), /Connection lost.*(next try in|trying now)/s)
    await mosquitto.start()
    await until(opened, "document.querySelector('.chip-connected')", 60_000)
    t.ok((await inPage<number>(opened, 'told.sockets')) > before)
  })

  // What the browser itself says of a connection that was refused.
  const own = opened.problems.filter((problem) => !/WebSocket connection to .* failed/.test(problem))
  t.same(own, [])
})

async function startMonitor(t: Test, broker: string, websocket: string): Promise<string> {
  const child = spawn(
    process.execPath,
    [bin, 'monitor', '--broker', broker, '--websocket', websocket, '--monitor-port', '0'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  killWithTest(t, child)
  return await new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
      const found = /monitor at (http:\S+)/.exec(said)?.[1]
      if (found) resolve(found)
    })
    child.once('exit', () => reject(new Error(`the monitor must tell where it is:\n${said}`)))
  })
}
