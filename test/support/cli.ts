import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { commands } from '../../cli/commands.ts'
import { ExitError } from '../../schemas/exit.ts'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the bin as a process. */
export function trustmix(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, ...environment }
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

/** Runs the bin with --json; fails the test where stdout is anything but one object. */
export async function json(t: Test, args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await trustmix([...args, '--json'])
  t.equal(code, 0, `${args[0]}: ${stderr}`)
  t.match(stdout, /^\{.*\}\n$/, 'stdout is one JSON object on one line')
  return JSON.parse(stdout)
}

/** Runs a command within this process: it must refuse with this code and text, and print nothing. */
export async function refuses(t: Test, code: number, rule: RegExp, args: readonly string[]): Promise<void> {
  const [name, ...rest] = args
  const printed: string[] = []
  const io = {
    ...{ software: 'test', stopped: new Promise<void>(() => {}), interrupts() {}, tell() {} },
    print: (line: string) => printed.push(line),
    output: (text: string) => printed.push(text),
  }
  try {
    await commands[name as keyof typeof commands].run(rest, io)
    t.fail(`${args.join(' ')} must be refused`)
  } catch (error) {
    t.ok(error instanceof ExitError, String(error))
    t.match(error, { code, message: rule })
  }
  t.same(printed, [])
}
