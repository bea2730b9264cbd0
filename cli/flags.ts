import { parseArgs } from 'node:util'
import { ExitError } from '../schemas/exit.ts'

/** What each flag takes. */
export type FlagKinds = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>

/** Splits a command line into flags; ExitError 2 for what the command does not know. A negative number is a value. */
export function parseFlags(
  command: string,
  options: FlagKinds,
  args: readonly string[],
): Readonly<Record<string, string | boolean | undefined>> {
  try {
    return parseArgs({ args: joined(args), options, allowPositionals: false, strict: true }).values
  } catch (error) {
    throw new ExitError('usage', `${(error as Error).message}\nSee: trustmix ${command} --help`)
  }
}

/** `--log-std -1` as `--log-std=-1`: Node takes `-1` for a flag of its own. */
function joined(args: readonly string[]): string[] {
  const result: string[] = []
  for (const arg of args) {
    const last = result.at(-1)
    if (/^-[0-9.]/.test(arg) && last?.startsWith('--') && !last.includes('=')) result.push(`${result.pop()}=${arg}`)
    else result.push(arg)
  }
  return result
}
