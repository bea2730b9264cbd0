/** Keys as they are pressed; Ctrl-C is the key `interrupt`, arrows and paging keys are `up`, `down`, `page-up`, `page-down`. */
export interface Keyboard {
  close(): void
}

/** What of `process.stdin` is read. */
export type KeyboardInput = Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>

/** Reads single keys from a terminal until closed, which gives it back its line mode, as does every end of the process. */
export function openKeyboard(input: KeyboardInput, onKey: (key: string) => void): Keyboard {
  if (input.isTTY !== true) return { close() {} }
  const read = (chunk: Buffer | string): void => {
    for (const [key] of chunk.toString().matchAll(keyPattern)) onKey(named[key] ?? key)
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

/** A sequence of the terminal (ECMA-48, 5.4) or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals send
const keyPattern = /\u001b\[[0-9;]*[A-Za-z~]|[\s\S]/gu

const named: Readonly<Record<string, string>> = {
  '\u0003': 'interrupt',
  '\r': 'enter',
  '\u001b': 'escape',
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
}
