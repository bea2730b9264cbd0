import { once } from 'node:events'
import type { Config } from '../schemas/config.ts'
import { exitCodes } from '../schemas/exit.ts'
import { formatVersion } from '../schemas/validator.ts'
import { serveWorlds } from '../sim-bridge/serve/serve.ts'
import type { CommandIo } from './command.ts'

/**
 * `trustmix sim-bridge --serve`: worlds for other programs, until it is stopped. The address goes to stdout as one JSON
 * line with --json, to stderr in words otherwise. Rejects with ExitError where world or address are not to be had.
 */
export async function serveUntilStopped(config: Config, json: boolean, io: CommandIo): Promise<number> {
  const server = await serveWorlds({
    config,
    software: io.software,
    now: () => performance.now(),
    onFailure: (error) => io.print(`a client was let go: ${error instanceof Error ? error.message : String(error)}`),
  })
  const timer = setInterval(() => server.tick(), 1_000)
  try {
    const { host, port } = server
    io.tell({ kind: 'listening', port })
    if (json) io.output(`${JSON.stringify({ version: formatVersion, host, port })}\n`)
    else io.print(`serving worlds on ${host}:${port}`)
    await Promise.race([io.stopped, ...(config.followStdin ? [once(process.stdin.resume(), 'end')] : [])])
  } finally {
    clearInterval(timer)
    if (config.followStdin) process.stdin.destroy()
    await server.close()
  }
  return exitCodes.ok
}
