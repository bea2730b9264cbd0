import { once } from 'node:events'
import type { CDPSession } from 'playwright-core'
import { WebSocket } from 'ws'
import type { Browser } from './browser.ts'

/** A page as the debugger sees it; `send` as Playwright's CDPSession has it. */
export interface DebuggedPage {
  readonly session: Session
  /** Errors and warnings on the console, exceptions. */
  readonly problems: string[]
  /** Hides the page behind another tab; returns how to show it again. */
  hide(): Promise<() => Promise<void>>
}

export type Session = Pick<CDPSession, 'send'>

/**
 * Opens a page without Playwright, which follows every frame of a WebSocket: a thousand messages a second would then cost
 * more than the page itself.
 */
export async function debugPage(
  t: { teardown(end: () => unknown): unknown },
  { endpoint }: Pick<Browser, 'endpoint'>,
  url: string,
  { width = 1440, height = 900 } = {},
): Promise<DebuggedPage> {
  const socket = new WebSocket(endpoint, { perMessageDeflate: false })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  let last = 0
  const waiting = new Map<number, (answer: Answer) => void>()
  const problems: string[] = []
  socket.on('message', (data) => {
    const answer = JSON.parse(String(data)) as Answer
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer)
    else problems.push(...problemOf(answer))
  })
  const call = (method: string, params: object, sessionId?: string): Promise<never> =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id)
        if (error) reject(new Error(`${method}: ${error.message}`))
        else resolve(result as never)
      })
      socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }))
    })
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true })
  const session: Session = { send: (method: string, params: object = {}) => call(method, params, sessionId) }
  await session.send('Runtime.enable')
  await session.send('Page.enable')
  await session.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
  await session.send('Page.navigate', { url })
  return {
    session,
    problems,
    async hide() {
      const other = await call('Target.createTarget', { url: 'about:blank' })
      await call('Target.activateTarget', other)
      return async () => {
        await call('Target.activateTarget', { targetId })
        await call('Target.closeTarget', other)
      }
    },
  }
}

interface Answer {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
  readonly method?: string
  readonly params?: {
    readonly type?: string
    readonly args?: readonly { readonly value?: unknown; readonly description?: string }[]
    readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } }
  }
}

function problemOf({ method, params }: Answer): string[] {
  if (method === 'Runtime.exceptionThrown')
    return [`exception: ${params?.exceptionDetails?.exception?.description ?? params?.exceptionDetails?.text}`]
  if (method !== 'Runtime.consoleAPICalled' || (params?.type !== 'error' && params?.type !== 'warning')) return []
  return [`console: ${params.args?.map(({ value, description }) => String(value ?? description)).join(' ')}`]
}
