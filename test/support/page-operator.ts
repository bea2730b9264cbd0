import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CommandName } from '../../schemas/command.ts'
import type { CommandMessage } from '../../schemas/trust.ts'
import { accessibilityProblems, inPage, type OpenedPage, tabTo, until } from './browser.ts'
import { shoot } from './monitor-page.ts'

/** Signs in at the broker and takes the key of the operator that a fleet has made in its folder, all by keyboard. */
export async function signIn(opened: OpenedPage, directory: string): Promise<void> {
  const { keyboard } = opened.page
  const secret = (name: string): string => join(directory, 'secrets', name)
  await typeInto(opened, 'username', 'operator')
  await typeInto(opened, 'password', readFileSync(secret('operator.password'), 'utf8').trim())
  await keyboard.press('Enter')
  await opened.page.getByText('Signed in at the broker as operator').waitFor()
  await focusOn(opened, '.who p')
  await typeInto(opened, 'operator', 'operator')
  await chooseFile(opened, 'key', secret('operator.key.pem'))
  await tabTo(opened, 'form[aria-label="Choose your key"] button')
  await keyboard.press('Enter')
  await opened.page.getByText('Signing as operator operator').waitFor()
  await focusOn(opened, '.who p')
}

async function typeInto(opened: OpenedPage, field: string, text: string): Promise<void> {
  await tabTo(opened, `input[name="${field}"]`)
  await opened.page.keyboard.type(text)
}

/** Gives a command as its form stands, by keyboard, and waits for the vehicle's answer. */
export async function giveCommand(opened: OpenedPage, name: CommandName): Promise<void> {
  await askFor(opened, name)
  await confirm(opened, name)
}

/** Hands an update over: asked, given up, asked again, confirmed; the unit has exactly this order. */
export async function handOver(t: Test, opened: OpenedPage, file: string): Promise<void> {
  const args = { bundle: 'https://example.org/trustmix-0.2.0.tar.gz', sha256: '0123456789abcdef'.repeat(4) }
  await askByEnter(opened, args)
  await opened.page.keyboard.press('Escape')
  await focusOn(opened, 'input[name="sha256"]')
  t.equal(await inPage(opened, "document.querySelector('dialog')"), null, 'Escape gives it up')
  await askFor(opened, 'update')
  const asked = await opened.page.locator('dialog').innerText()
  for (const value of Object.values(args)) t.ok(asked.includes(value), `${value} is asked for`)
  t.same(await accessibilityProblems(opened), [], 'the confirmation')
  await shoot(opened.page, 'confirmation')
  await confirm(opened, 'update')
  const { body } = JSON.parse(readFileSync(file, 'utf8')) as CommandMessage
  t.match(JSON.parse(body), { name: 'update', vehicle: 'car05', operator: 'operator', args })
}

/** What is no hash is not asked for; Enter in the last field asks as the button does. */
async function askByEnter(opened: OpenedPage, { bundle, sha256 }: Record<'bundle' | 'sha256', string>): Promise<void> {
  const { keyboard } = opened.page
  await typeInto(opened, 'bundle', bundle)
  await typeInto(opened, 'sha256', sha256.slice(0, -1))
  await keyboard.press('Enter')
  await until(opened, "document.activeElement.validity.patternMismatch && !document.querySelector('dialog')", 10_000)
  await keyboard.type(sha256.slice(-1))
  await keyboard.press('Enter')
  await opened.page.waitForSelector('dialog[open]')
}

/** Opens the confirmation of a command by keyboard. */
async function askFor(opened: OpenedPage, name: CommandName): Promise<void> {
  await tabTo(opened, `[data-command="${name}"]`)
  await opened.page.keyboard.press('Enter')
  await opened.page.waitForSelector('dialog[open]')
}

/** Confirms by keyboard what is asked; resolves once the vehicle has answered that it is done. */
async function confirm(opened: OpenedPage, name: CommandName): Promise<void> {
  await tabTo(opened, '[data-confirm]')
  await opened.page.keyboard.press('Enter')
  await focusOn(opened, `[data-command="${name}"]`)
  // The page itself gives a command up after ten seconds, and says so.
  const said = await until<string>(
    opened,
    `(() => {
      const { dataset: { progress }, textContent } = document.querySelector('.progress')
      return progress !== 'waiting' && progress + ': ' + textContent
    })()`,
    20_000,
  )
  if (!said.startsWith('done: ')) throw new Error(`${name} must be done, got ${said}`)
}

/** Waits until an element has the focus without a key being pressed. */
async function focusOn(opened: OpenedPage, selector: string): Promise<void> {
  await until(opened, `document.activeElement?.matches(${JSON.stringify(selector)})`, 10_000)
}

/**
 * Chooses a file by keyboard. What asks for one is caught before Enter is pressed, not while: Playwright's `filechooser` asks
 * the browser for that without waiting for its answer, and a busy page takes keys first.
 */
async function chooseFile(opened: OpenedPage, field: string, file: string): Promise<void> {
  const { page, session } = opened
  await tabTo(opened, `input[name="${field}"]`)
  await session.send('Page.enable')
  await session.send('Page.setInterceptFileChooserDialog', { enabled: true })
  const asked = new Promise<{ readonly backendNodeId?: number }>((resolve) =>
    session.once('Page.fileChooserOpened', resolve),
  )
  await page.keyboard.press('Enter')
  const { backendNodeId } = await asked
  await session.send('DOM.setFileInputFiles', { files: [file], ...(backendNodeId !== undefined && { backendNodeId }) })
  await session.send('Page.setInterceptFileChooserDialog', { enabled: false })
}
