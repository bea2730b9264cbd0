import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CDPSession, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

/** A browser, and where its debugger listens. */
export interface Browser {
  readonly endpoint: string
  /** Opens a tab under Playwright. */
  newPage(): Promise<Page>
}

/** A page of a real browser, and what it complained of. */
export interface OpenedPage {
  readonly page: Page
  readonly session: CDPSession
  /** Errors on the console, exceptions and violations of the content security policy. */
  readonly problems: string[]
}

/**
 * Debian's Chromium without a window and without a word to anybody, ended with the test. Connected to as to a browser of
 * somebody, since one that Playwright starts itself takes every page for shown.
 */
export async function openBrowser(t: Pick<Test, 'teardown'>): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'trustmix-chromium-'))
  const child = spawn('/usr/bin/chromium', [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await ended
    // Its helpers write for a moment longer: `rmSync` would try the folder again, but not what has come into it.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  })
  const endpoint = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
      const found = /^DevTools listening on (ws:\S+)/m.exec(said)?.[1]
      if (found) resolve(found)
    })
    ended.then(() => reject(new Error(`chromium must start:\n${said}`)))
  })
  return {
    endpoint,
    async newPage() {
      const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true })
      t.teardown(() => browser.close())
      const context = browser.contexts()[0]
      if (!context) throw new Error('the browser must have its own context')
      return await context.newPage()
    },
  }
}

/** Without bars, which a picture of the whole page would be cut by. */
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--remote-debugging-port=0'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars'],
]

/** Opens an address in a tab of its own, in which `told` counts WebSockets and the pings on them. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1440, height = 900 }: { readonly width?: number; readonly height?: number } = {},
): Promise<OpenedPage> {
  const page = await browser.newPage()
  await page.setViewportSize({ width, height })
  const session = await page.context().newCDPSession(page)
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => problems.push(`exception: ${error.stack ?? error.message}`))
  await page.exposeFunction('toldViolation', (text: string) => void problems.push(`policy: ${text}`))
  await page.addInitScript(`
    globalThis.told = { sockets: 0, pings: 0 }
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args)
        told.sockets++
      }
      send(bytes) {
        // PINGREQ (MQTT 3.1.1, section 3.12).
        if (bytes.length === 2 && bytes[0] === 0xc0) told.pings++
        super.send(bytes)
      }
    }
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
      toldViolation(violatedDirective + ' ' + blockedURI + ' ' + sample))`)
  await page.goto(url)
  return { page, session, problems }
}

/** What can be asked by the debugger. */
export interface Debugged {
  readonly session: {
    send(
      method: 'Runtime.evaluate',
      params: { readonly expression: string; readonly awaitPromise: boolean; readonly returnByValue: boolean },
    ): Promise<Evaluated>
  }
}

interface Evaluated {
  readonly result: { readonly value?: unknown }
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } }
}

/** The value of an expression in the page, by the debugger: the page's own policy refuses code made from text. */
export async function inPage<T>({ session }: Debugged, expression: string): Promise<T> {
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    ...{ expression, awaitPromise: true, returnByValue: true },
  })
  if (exceptionDetails)
    throw new Error(
      `${exceptionDetails.exception?.description ?? exceptionDetails.text} in ${expression.slice(0, 200)}`,
    )
  return result.value as T
}

/** Resolves with an expression's value once it is true; rejects where it is not within `withinMs`. */
export async function until<T>(opened: Debugged, expression: string, withinMs: number): Promise<T> {
  return await inPage<T>(
    opened,
    `new Promise((resolve, reject) => {
      const end = performance.now() + ${withinMs}
      const look = () => {
        const found = (${expression})
        if (found) resolve(found)
        else if (performance.now() > end) reject(new Error(${JSON.stringify(`not within ${withinMs} ms`)}))
        else setTimeout(look, 10)
      }
      look()
    })`,
  )
}

/**
 * Looks out for what an event is going to bring about, from before the event; `seen` resolves with the time at which the
 * page had it, ms since 1970, and rejects where it has not within `withinMs`.
 */
export async function lookOut(
  opened: Debugged,
  expression: string,
  withinMs: number,
): Promise<{ readonly seen: Promise<number> }> {
  const seen = until<number>(opened, `(${expression}) && Date.now()`, withinMs)
  seen.catch(() => {})
  // Expressions are taken in turn: when this one is answered that one looks.
  await inPage(opened, '0')
  return { seen }
}

/** Makes a page hidden, as another tab in front of it does, and shows it again. */
export async function hide(opened: OpenedPage): Promise<{ show(): Promise<void> }> {
  const { page } = opened
  const other = await page.context().newPage()
  await other.bringToFront()
  await until(opened, "document.visibilityState === 'hidden'", 5_000)
  return {
    async show() {
      await page.bringToFront()
      await other.close()
    },
  }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong with a page as it is, one line each. */
export async function accessibilityProblems(opened: OpenedPage): Promise<string[]> {
  await inPage(opened, `${axeSource}; undefined`)
  return await inPage(
    opened,
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + ': ' + target.join(' ') + ' ' + failureSummary)))`,
  )
}

/** Presses Tab until the element with the focus matches; throws where none does within `most` presses. */
export async function tabTo(opened: OpenedPage, selector: string, most = 80): Promise<void> {
  for (let i = 0; i < most; i++) {
    if (await inPage(opened, `document.activeElement?.matches(${JSON.stringify(selector)})`)) return
    await opened.page.keyboard.press('Tab')
  }
  throw new Error(`${selector} must be reached by ${most} presses of Tab`)
}
