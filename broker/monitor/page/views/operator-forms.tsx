import type { ComponentChildren, JSX, TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { validId } from '../../../../schemas/topics.ts'
import { useFocusKept, useRedraw, useTools } from '../hooks.ts'

/** Signs in at the broker. Name and password stay in memory: a page that is opened again asks again. */
export function SignInForm(): JSX.Element {
  const { connection } = useTools()
  const { user, trouble, phase } = connection.state
  const frame = useFocusKept<HTMLDivElement>()
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const fields = new FormData(form)
    connection.signIn(String(fields.get('username')), String(fields.get('password')))
    form.reset()
  }
  return (
    <div ref={frame}>
      {user === undefined ? (
        <form onSubmit={submit} aria-label="Sign in at the broker">
          <label class="field">
            User
            <input name="username" autocomplete="username" required maxLength={64} />
          </label>
          <label class="field">
            Password
            <input name="password" type="password" autocomplete="current-password" required maxLength={256} />
          </label>
          <button type="submit">Sign in</button>
          <Trouble text={trouble} />
        </form>
      ) : (
        <Who undo="Sign out" onUndo={() => connection.signOut()}>
          {phase === 'connected' ? 'Signed in at the broker as ' : 'Signing in at the broker as '}
          <strong>{user}</strong>
        </Who>
      )}
    </div>
  )
}

/** Takes the operator's key from a file; it cannot be read out of the page again. */
export function KeyForm(): JSX.Element {
  const { operator } = useTools()
  const [trouble, setTrouble] = useState<string>()
  const redraw = useRedraw()
  const frame = useFocusKept<HTMLDivElement>()
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    const [id, file] = [String(fields.get('operator')), fields.get('key')]
    try {
      if (!validId.test(id)) throw new Error('The operator id may have letters, digits, - and _, 23 at most.')
      if (!(file instanceof File) || file.size === 0) throw new Error('Choose the file that holds your key.')
      if (file.size > maxKeyBytes)
        throw new Error(`A key file is at most ${maxKeyBytes} bytes, this one has ${file.size}.`)
      await operator.takeKey(id, file)
      setTrouble(undefined)
    } catch (error) {
      setTrouble((error as Error).message)
    }
  }
  const forget = (): void => {
    operator.forget()
    redraw()
  }
  return (
    <div ref={frame}>
      {operator.id === undefined ? (
        <form onSubmit={(event) => void submit(event)} aria-label="Choose your key">
          <label class="field">
            Operator id
            <input name="operator" autocomplete="off" required maxLength={23} />
          </label>
          <label class="field">
            <span>
              Key file <span class="soft">(Ed25519, PEM, no passphrase)</span>
            </span>
            <input name="key" type="file" accept=".pem,.key,application/x-pem-file" required />
          </label>
          <button type="submit">Use this key</button>
          <Trouble text={trouble} />
        </form>
      ) : (
        <Who undo="Forget the key" onUndo={forget}>
          Signing as operator <strong>{operator.id}</strong>
        </Who>
      )}
    </div>
  )
}

/** An Ed25519 key in PEM has about 120. */
const maxKeyBytes = 16_384

/** Who somebody is here, and the way out. */
function Who(props: {
  readonly undo: string
  readonly onUndo: () => void
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <div class="who">
      {/* Takes the focus of the form that was here: a button would be pressed by a second Enter. */}
      <p tabIndex={-1} role="status">
        {props.children}
      </p>
      <button type="button" class="quiet" onClick={props.onUndo}>
        {props.undo}
      </button>
    </div>
  )
}

function Trouble({ text }: { readonly text: string | undefined }): JSX.Element | null {
  if (text === undefined) return null
  return (
    <p class="form-trouble" role="alert">
      {text}
    </p>
  )
}
