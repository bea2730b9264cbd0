import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { type Line, parseLines } from './line-protocol.ts'

/** A store of points over HTTP that takes only what InfluxDB 2 documents; closed with the test. */
export interface PointStore {
  readonly url: string
  /** All that it has taken. */
  readonly lines: Line[]
  /** What was wrong with what it was sent. */
  readonly wrong: string[]
  /** Requests that have come, those without an answer included. */
  requests: number
  /** How it answers: 204 takes the points, 0 gives no answer. */
  answer: number
  /** Ends every connection, those that wait for an answer too. */
  drop(): void
}

export async function startPointStore(t: Test, token: string): Promise<PointStore> {
  const store: { -readonly [K in keyof PointStore]: PointStore[K] } = {
    ...{ url: '', lines: [], wrong: [], requests: 0, answer: 204 },
    drop: () => server.closeAllConnections(),
  }
  const server = createServer(async (request, response) => {
    store.requests++
    const body = await bodyOf(request)
    if (store.answer === 0) return
    if (store.answer !== 204) {
      response.writeHead(store.answer).end('{"code":"told","message":"no"}')
      return
    }
    try {
      check(request, token)
      store.lines.push(...parseLines(body))
      response.writeHead(204).end()
    } catch (error) {
      store.wrong.push((error as Error).message)
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ message: 'unable to parse' }))
    }
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  store.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}?org=lab&bucket=fleets`
  return store
}

function check({ method, url, headers }: IncomingMessage, token: string): void {
  const wanted = 'POST /api/v2/write?org=lab&bucket=fleets&precision=us'
  if (`${method} ${url}` !== wanted) throw new Error(`the request must be ${wanted}, got ${method} ${url}`)
  if (headers.authorization !== `Token ${token}`) throw new Error(`no such token: ${headers.authorization}`)
  if (!/^text\/plain; charset=utf-8$/.test(headers['content-type'] ?? '')) throw new Error(`${headers['content-type']}`)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8')
}
