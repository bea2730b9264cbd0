import type * as Library from '@influxdata/influxdb-client'
import { ExitError } from '../../schemas/exit.ts'
import { batchLines, type Store } from './history.ts'
import type { Point } from './history-points.ts'

/** InfluxDB, or another store that takes its line protocol over HTTP. */
export interface Influx extends Store {
  /** A point as a line of the protocol; each gets a microsecond of its own, since points of one series and time are one. */
  line(point: Point): string
}

/**
 * The store that a URL names: `http://host:8086?org=ORG&bucket=BUCKET` (InfluxDB 2, 3), or `?db=DATABASE` for `/write` (1).
 * `wallClock` is ms since 1970. ExitError 2 for a URL that names neither, 3 where the library is not installed.
 */
export async function openInflux(url: string, token: string | undefined, wallClock: () => number): Promise<Influx> {
  const { address, org, bucket, path } = parse(url)
  const { InfluxDB, HttpError, Point: LibraryPoint, setLogger } = await load()
  // What fails is told by us.
  setLogger({ error() {}, warn() {} })
  const client = new InfluxDB({
    url: address,
    timeout: requestTimeoutMs,
    ...(token !== undefined && { token }),
  })
  // It sends when it is told to, all at once, and forgets: what to do with what failed is decided by its user.
  const options = { batchSize: batchLines + 1, flushInterval: 0, maxRetries: 0 }
  const api = client.getWriteApi(org, bucket, 'us', options)
  if (path !== undefined) api.path = path
  let lastUs = 0

  return {
    line({ measurement, tags, fields }) {
      const point = new LibraryPoint(measurement)
      for (const [name, value] of Object.entries(tags)) point.tag(name, value)
      for (const [name, value] of Object.entries(fields)) {
        if (typeof value === 'number') point.floatField(name, value)
        else if (typeof value === 'boolean') point.booleanField(name, value)
        else point.stringField(name, value)
      }
      lastUs = Math.max(lastUs + 1, 1_000 * wallClock())
      return point.timestamp(lastUs).toLineProtocol(api) ?? ''
    },
    async write(lines) {
      api.writeRecords([...lines])
      try {
        await api.flush()
        return undefined
      } catch (error) {
        // 429 and 5xx pass; the other answers are about what was sent, or about who sends it.
        if (error instanceof HttpError && error.statusCode < 500 && error.statusCode !== 429)
          return `${address} refuses ${lines.length} points: ${error.statusCode} ${(error.body ?? '').slice(0, 200)}`
        throw new Error(`${address} takes no points now: ${(error as Error).message}`)
      }
    },
  }
}

const requestTimeoutMs = 5_000

async function load(): Promise<typeof Library> {
  try {
    return await import('@influxdata/influxdb-client')
  } catch (error) {
    throw new ExitError('unreachable', `influxUrl needs @influxdata/influxdb-client: ${(error as Error).message}`)
  }
}

function parse(text: string): { address: string; org: string; bucket: string; path?: string } {
  const rule = 'influxUrl must end in ?org=ORG&bucket=BUCKET or in ?db=DATABASE'
  if (!URL.canParse(text)) throw new ExitError('usage', `${rule}, got ${text}`)
  const { origin, pathname, searchParams } = new URL(text)
  const address = `${origin}${pathname}`.replace(/\/$/, '')
  const { org = '', bucket = '', db = '', ...others } = Object.fromEntries(searchParams)
  const isNew = org !== '' && bucket !== '' && db === ''
  const isOld = db !== '' && org === '' && bucket === ''
  if ((!isNew && !isOld) || Object.keys(others).length > 0) throw new ExitError('usage', `${rule}, got ${text}`)
  // InfluxDB 1 calls a microsecond "u".
  return { address, org, bucket, ...(isOld && { path: `/write?db=${encodeURIComponent(db)}&precision=u` }) }
}
