import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { requireTool } from '../support/require.ts'
import { openSandbox, type Sandbox, type SandboxProcess } from '../support/sandbox.ts'

/** The command lines of docs/trust.md and docs/unit.md, run as they are written, one after the other, by somebody new to it. */
const environment = { TRUSTMIX_PASSPHRASE: 'a long enough sentence' }
/** Where the unit is played; the workstation is the new user's own folder. */
const unit = 'unit'

t.setTimeout(1_200_000)

t.test('docs/trust.md', async (t) => {
  if (!requireTool(t, 'mosquitto')) return
  const machine = await openSandbox(t, { 'hub.example': '192.0.2.10', serve: '192.0.2.5' }, environment)
  if (!machine) return
  const run = runner(t, machine)
  const started: Record<string, SandboxProcess> = {}
  const unitFile = (id: string): Promise<unknown> =>
    run(`mkdir -p ${unit} && cp units/${id}/trustmix-provision.json ${unit}/trustmix-provision.json`)

  await follow(t, 'trust', async (line) => {
    if (/^npx trustmix broker /.test(line)) {
      await run('cp -r hub /etc/trustmix')
      started.broker = machine.start(line)
      await started.broker.said(/^listening on wss:/)
    } else if (line === 'systemctl restart mosquitto') {
      await started.broker?.stop('SIGINT')
      // As its service does.
      await run('mkdir /run/mosquitto && chown mosquitto: /run/mosquitto')
      started.mosquitto = machine.start('mosquitto -c /etc/mosquitto/mosquitto.conf')
    } else if (/^npx trustmix provision apply /.test(line)) {
      await unitFile('car1')
      await run(line, unit)
    } else if (/^npx trustmix device /.test(line)) started.device = machine.start(line, unit)
    else if (/^npx trustmix provision serve /.test(line)) {
      started.serve = machine.start(line)
      await started.serve.said(/^enrolment on https:/)
    } else if (/^npx trustmix provision enrol /.test(line)) {
      await unitFile('car3')
      // The unit of car1 is another machine.
      await run(line.replaceAll(/ \/(etc|var)\//g, ' $PWD/$1/'), unit)
    } else if (/^(npx trustmix provision|cp|chown|mv) /.test(line)) await run(line)
    else unknown(line)
  })

  const kept = '/var/lib/trustmix/roster.json'
  const roster = await run(`until grep -q car2 ${kept}; do sleep 0.2; done; cat ${kept}`)
  t.match(JSON.parse(JSON.parse(roster).body), { revoked: { ids: ['car2'] } }, 'the unit has the last roster')
  t.match(await run('npx trustmix provision list'), /^car2 +device .* revoked .*\n(.*\n)*^car3 +device /m)
  for (const name of ['mosquitto', 'device', 'serve']) t.equal(started[name]?.child.exitCode, null, `${name} goes on`)
})

t.test('docs/unit.md', async (t) => {
  const machine = await openSandbox(t, { 'broker.example': '192.0.2.10' }, environment)
  if (!machine) return
  const run = runner(t, machine)
  const watching = commandLines('unit').find((line) => /^npx trustmix watch /.test(line)) ?? ''
  const started: Record<string, SandboxProcess> = {}
  const elsewhere: string[] = []

  await follow(t, 'unit', async (line) => {
    if (/^npx trustmix broker /.test(line)) await machine.start(line).said(/^listening on mqtts:/)
    else if (/^apt install \.\/trustmix_VERSION_/.test(line)) {
      // What the service does; the package itself has tests of its own.
      const place = '--config-dir /etc/trustmix --state-dir /var/lib/trustmix'
      await run(`npx trustmix provision apply units/car13/trustmix-provision.json ${place}`)
      started.device = machine.start('npx trustmix device --config /etc/trustmix/device.json --stay')
    } else if (/^npx trustmix sim-bridge /.test(line)) {
      // In another terminal.
      started.watch = machine.start(watching)
      await started.watch.printed(/^waiting for a run of fleet lab /)
      await run(line)
      const summary = JSON.parse(await run('cat runs/road/summary.json'))
      t.match(summary, { deterministic: true, causes: [], vehicles: ['car13'] })
    } else if (line === watching) {
      await started.watch?.printed(/ trustmix {2}lab · gated · .* epoch \d+\/20 /)
      await started.watch?.stop('SIGINT')
    } else if (/^npx trustmix command /.test(line)) t.equal(await run(line), 'car13 pause: done\n')
    else if (/^npx trustmix replay /.test(line)) {
      await run('cp -r /var/lib/trustmix/log log')
      t.match(await run(line), /^car13: identical, /)
    } else if (/^npx trustmix provision /.test(line)) await run(line)
    else if (/^(npm|sha256sum|apt|systemctl|journalctl) /.test(line)) elsewhere.push(line)
    else unknown(line)
  })

  t.equal(started.device?.child.exitCode, null, 'the unit stays')
  t.comment(`of the unit's machine and of the build, which the tests of the package hold:\n${elsewhere.join('\n')}`)
})

/** Does what is to be done for each command line of a page. */
async function follow(t: Test, page: string, work: (line: string) => Promise<void>): Promise<void> {
  for (const line of commandLines(page)) {
    t.comment(line)
    await work(line)
  }
}

function unknown(line: string): never {
  throw new Error(`this test must know what to do with each line of the page, got ${line}`)
}

/** The lines of all blocks of shell, in order, without comments; who follows them here is root. */
function commandLines(page: string): string[] {
  const text = readFileSync(fileURLToPath(new URL(`../../../docs/${page}.md`, import.meta.url)), 'utf8')
  const blocks = [...text.matchAll(/^( *)```sh\n([\s\S]*?)^\1```$/gm)].map(([, , block = '']) => block)
  return blocks
    .join('')
    .replaceAll(/\\\n */g, '')
    .split('\n')
    .map((line) =>
      line
        .replace(/(^| +)#.*$/, '')
        .trim()
        .replace(/^sudo /, ''),
    )
    .filter((line) => line !== '')
}

function runner(t: Test, machine: Sandbox) {
  return async (line: string, folder?: string): Promise<string> => {
    const { code, stdout, stderr } = await machine.run(line, folder)
    t.equal(code, 0, code === 0 ? line : `${line}: ${stderr}`)
    return stdout
  }
}
