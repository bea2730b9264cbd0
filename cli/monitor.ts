import { startMonitor } from '../broker/monitor/monitor.ts'
import { required } from '../device/process.ts'
import { ExitError, exitCodes } from '../schemas/exit.ts'
import type { Command } from './command.ts'
import { describeOptions, readOptions } from './options.ts'

export const monitorCommand: Command = {
  help: `trustmix monitor: page, metrics, health and alarms of a fleet, beside any MQTT 3.1.1 broker, until it is stopped.

Usage: trustmix monitor --broker mqtt://HOST:PORT [--fleet demo] [--monitor-port 8080] [--websocket ws://HOST:9001]

It listens on loopback. What only a broker can know of its clients is shown as not available; the embedded broker has a
monitor of its own (trustmix broker --monitor-port).

${describeOptions('monitor')}`,
  async run(args, io) {
    const { config, json } = readOptions('monitor', args, process.env)
    required(config, 'broker')
    const { monitorPort } = config
    if (typeof monitorPort !== 'number')
      throw new ExitError('usage', `--monitor-port must be a port, got ${monitorPort}`)
    const monitor = await startMonitor({ ...config, monitorPort }, io)
    try {
      io.tell({ kind: 'monitor', url: monitor.server.url })
      io.print(`monitor at ${monitor.server.url}`)
      await Promise.race([io.stopped, monitor.failed])
    } finally {
      await monitor.close()
    }
    if (json) io.output(`${JSON.stringify(monitor.watch.health)}\n`)
    return exitCodes.ok
  },
}
