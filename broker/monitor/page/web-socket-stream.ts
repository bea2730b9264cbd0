import { Buffer } from 'node:buffer'
import { Duplex } from 'readable-stream'

/** MQTT over WebSocket (MQTT 3.1.1, section 6) as the stream that MQTT.js asks for. */
export function openWebSocket(url: string): Duplex {
  const socket = new WebSocket(url, ['mqtt'])
  socket.binaryType = 'arraybuffer'
  const opened = new Promise<void>((resolve) => {
    socket.onopen = () => resolve()
  })
  const stream = new Duplex({
    read() {},
    async write(chunk: Uint8Array<ArrayBuffer>, _encoding, done) {
      if (socket.readyState === WebSocket.CONNECTING) await opened
      // After the end nothing is sent; `close` says what has become of it.
      if (socket.readyState === WebSocket.OPEN) socket.send(chunk)
      done()
    },
    final(done) {
      socket.close()
      done()
    },
    destroy(error, done) {
      socket.close()
      done(error)
    },
  })
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => void stream.push(Buffer.from(data))
  socket.onclose = () => stream.destroy()
  return stream
}
