import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { rawPublicKey } from '../device/identity.ts'
import { channels, topicOf } from '../schemas/topics.ts'
import { formatVersion } from '../schemas/validator.ts'
import { type Figure, figureOf } from './measure.ts'
import { bin, fleet, inTemporaryFolder, password, startBroker } from './mqtt.ts'
import { residentMegabytes } from './resident.ts'

/** One `trustmix device` as a board starts it: until its status is on the broker, and what it then holds. */
export async function deviceProcess(quick: boolean): Promise<Figure[]> {
  return inTemporaryFolder(async (folder) => {
    const vehicle = 'car01'
    const { privateKey } = generateKeyPairSync('ed25519')
    const file = (name: string, text: string): string => {
      const path = join(folder, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    const keys = { version: formatVersion, keys: { [vehicle]: rawPublicKey(privateKey) } }
    const files = {
      privateKeyFile: file('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string),
      publicKeysFile: file('keys.json', JSON.stringify(keys)),
      passwordFile: file('password', password),
    }
    const broker = await startBroker(folder)
    const [ms, megabytes]: [number[], number[]] = [[], []]
    try {
      const watcher = await connectAsync(broker.url, { clientId: 'bridge1', username: 'bridge1', password })
      let online: () => void = () => {}
      watcher.on('message', (_, payload) => {
        if (String(payload).includes('"online"')) online()
      })
      await watcher.subscribeAsync(topicOf(channels.status, { fleet, vehicle }), { qos: 1 })
      for (let r = 0; r < (quick ? 2 : 7); r++) {
        const options = { vehicle, broker: broker.url, run: 'bench', username: vehicle, ...files }
        const config = file('device.json', JSON.stringify({ ...options, stateDir: join(folder, `state-${r}`) }))
        const ready = new Promise<void>((resolve) => {
          online = resolve
        })
        const begin = performance.now()
        const device = spawn(process.execPath, [bin, 'device', '--config', config], {
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        let words = ''
        device.stderr.on('data', (text) => {
          words += text
        })
        const ended = once(device, 'exit')
        const first = await Promise.race([ready, ended])
        if (first !== undefined) throw new Error(`the device must come online, but it ended: ${words.trim()}`)
        ms.push(performance.now() - begin)
        megabytes.push(residentMegabytes(device.pid))
        device.kill()
        await ended
      }
      await watcher.endAsync()
    } finally {
      broker.process.kill()
    }
    return [
      figureOf('device-ready', 'ms', ms, 'trustmix device: from its start until its status is on the broker'),
      figureOf('device-memory', 'MB', megabytes, 'the same process then, resident'),
    ]
  })
}
