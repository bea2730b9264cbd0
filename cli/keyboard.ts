/** Keys as they are pressed; Ctrl-C is the key `interrupt`. */
export interface Keyboard {
  close(): void
}

/** What of `process.stdin` is read. */
export type KeyboardInput = Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>

/** Reads single keys from a terminal until closed, which gives it back its line mode, as does every end of the process. */
export function openKeyboard(input: KeyboardInput, onKey: (key: string) => void): Keyboard {
  if (input.isTTY !== true) return { close() {} }
  const read = (chunk: Buffer | string): void => {
    for (const key of chunk.toString()) onKey(key === '\u0003' ? 'interrupt' : key)
  }
  const giveBack = (): void => {
    input.setRawMode(false)
  }
  input.setRawMode(true)
  input.on('data', read)
  input.resume()
  process.on('exit', giveBack)
  return {
    close() {
      process.off('exit', giveBack)
      input.off('data', read)
      input.pause()
      giveBack()
    },
  }
}
