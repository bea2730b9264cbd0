import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of loopback that is free now, for a program that must be told one. Below those that systems give out by themselves
 * (Linux: from 32768), so that nobody is given it before the program has it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(12_000 * Math.random())
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
