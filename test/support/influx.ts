import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { killWithTest, testFolder } from './program.ts'
import { until } from './scrape.ts'

/** InfluxDB 1 in a folder of the test, on loopback. */
export async function startInflux(t: Test): Promise<string> {
  const [http, rpc] = [await freePort(), await freePort()]
  const directory = testFolder(t)
  const file = join(directory, 'influxdb.conf')
  const folder = (name: string): string => JSON.stringify(join(directory, name))
  writeFileSync(
    file,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
dir = ${folder('meta')}
[data]
dir = ${folder('data')}
wal-dir = ${folder('wal')}
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:${http}"
`,
  )
  const influxd = spawn('influxd', ['run', '-config', file], { stdio: 'ignore' })
  killWithTest(t, influxd)
  const url = `http://127.0.0.1:${http}`
  await until(
    () =>
      fetch(`${url}/ping`).then(
        ({ status }) => status,
        () => 0,
      ),
    (status) => status === 204,
  )
  return url
}
