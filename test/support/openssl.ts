import { execFile } from 'node:child_process'

/** Runs openssl; what it prints, and all that it says. */
export function openssl(...args: string[]): Promise<{ ok: boolean; stdout: string; text: string }> {
  return new Promise((resolve) => {
    execFile('openssl', args, (error, stdout, stderr) =>
      resolve({ ok: error === null, stdout, text: `${stdout}${stderr}` }),
    )
  })
}
