import { execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { killWithTest } from './program.ts'
import { until } from './scrape.ts'

/** What promtool says and how it ends; `input` is its standard input. */
export function promtool(args: readonly string[], input = ''): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
    child.stdin?.end(input)
  })
}

export interface Prometheus {
  /** Series that an expression has had since the start, every half second. */
  range(
    expression: string,
  ): Promise<readonly { readonly metric: Record<string, string>; readonly values: [number, string][] }[]>
}

/** A real Prometheus on loopback that scrapes that port twice a second, as job `trustmix`, from now on; ended with the test. */
export async function startPrometheus(t: Test, directory: string, monitorPort: number): Promise<Prometheus> {
  const file = join(directory, 'prometheus.yml')
  writeFileSync(
    file,
    `global: { scrape_interval: 500ms, scrape_timeout: 500ms }
scrape_configs: [{ job_name: trustmix, static_configs: [{ targets: ['127.0.0.1:${monitorPort}'] }] }]
`,
  )
  const port = await freePort()
  const server = spawn(
    'prometheus',
    [
      '--config.file',
      file,
      '--storage.tsdb.path',
      join(directory, 'tsdb'),
      '--web.listen-address',
      `127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  killWithTest(t, server)
  const at = `http://127.0.0.1:${port}`
  const startedAt = Date.now() / 1_000
  // It is ready seconds before it looks at anything.
  await until(
    () => fetch(`${at}/api/v1/targets`).then(activeTargets, () => 0),
    (count) => count > 0,
  )
  return {
    async range(query) {
      const window = { start: String(startedAt), end: String(Date.now() / 1_000), step: '0.5' }
      const response = await fetch(`${at}/api/v1/query_range?${new URLSearchParams({ query, ...window })}`)
      const { status, data, error } = (await response.json()) as {
        status: string
        error?: string
        data?: { result: { metric: Record<string, string>; values: [number, string][] }[] }
      }
      if (status !== 'success' || !data) throw new Error(`${query}: ${error}`)
      return data.result
    },
  }
}

async function activeTargets(response: Response): Promise<number> {
  if (!response.ok) return 0 // 503 while it starts
  const { data } = (await response.json()) as { data?: { activeTargets: readonly unknown[] } }
  return data?.activeTargets.length ?? 0
}
