import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { commands } from '../../cli/commands.ts'

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

/** Runs a command within this process, which costs a tenth of a new one; the same promise about its output. */
export async function answer(t: Test, args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, printed } = await run([...args, '--json'])
  t.equal(code, 0)
  t.match(printed, [/^\{.*\}\n$/])
  t.equal(printed.length, 1)
  return JSON.parse(printed.join(''))
}

/** Runs a command within this process: it must refuse with this code and text, and print nothing. */
export async function refuses(t: Test, code: number, rule: RegExp, args: readonly string[]): Promise<void> {
  await t.rejects(run(args), { name: 'ExitError', code, message: rule }, args.join(' '))
}

/** Runs a command within this process; what it throws comes through. */
export async function run([name, ...args]: readonly string[]): Promise<{ code: number; printed: string[] }> {
  const printed: string[] = []
  const command = await commands[String(name)]?.load()
  if (!command) throw new Error(`no command ${name}`)
  const code = await command.run(args, {
    ...{ software: 'test', stopped: new Promise<void>(() => {}), interrupts() {}, tell() {} },
    print: (line) => printed.push(line),
    output: (text) => printed.push(text),
  })
  return { code, printed }
}
