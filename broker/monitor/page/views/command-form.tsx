import type { JSX, TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { type CommandName, type GateMode, gateModes, updateArguments } from '../../../../schemas/command.ts'
import type { Status } from '../../../../schemas/status.ts'
import { commandWords, gateModeWords } from '../model/command-words.ts'
import { shortHash } from '../model/format.ts'

/** One command with the fields of its arguments, which are named as these are. */
export function CommandForm(props: {
  readonly name: CommandName
  readonly status: Status | undefined
  readonly able: boolean
  readonly onAsk: (args: Readonly<Record<string, string>>) => void
}): JSX.Element {
  const { name, status, able, onAsk } = props
  const { title, effect } = commandWords[name]
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const fields = [...new FormData(event.currentTarget)]
    if (able) onAsk(Object.fromEntries(fields.map(([key, value]) => [key, String(value).trim()])))
  }
  return (
    <form class="command" onSubmit={submit}>
      <div>
        <p class="command-title">{title}</p>
        <p class="note">{effect}</p>
        {name === 'rollback' && (
          <p class="note">
            Last good policy: {status?.lastGood ? <code>{shortHash(status.lastGood)}</code> : 'none kept'}
          </p>
        )}
        {name === 'gate-mode' && <ModeField present={status?.gateMode} />}
        {name === 'update' && <UpdateFields />}
      </div>
      {/* Not disabled: who stands on it by keyboard stays there while an answer is waited for, or the vehicle is away. */}
      <button type="submit" aria-disabled={!able} data-command={name}>
        Send…<span class="unseen"> {title}</span>
      </button>
    </form>
  )
}

function ModeField({ present }: { readonly present: GateMode | undefined }): JSX.Element {
  const [mode, setMode] = useState(present ?? 'theorem1')
  return (
    <label class="field field-inline">
      Mode
      <select name="mode" value={mode} onChange={(event) => setMode(event.currentTarget.value as GateMode)}>
        {gateModes.map((value) => (
          <option key={value} value={value}>
            {value}: {gateModeWords[value]}
          </option>
        ))}
      </select>
    </label>
  )
}

function UpdateFields(): JSX.Element {
  const { bundle, sha256 } = updateArguments
  return (
    <>
      <label class="field">
        <span>
          Bundle <span class="soft">(address, or path on the unit)</span>
        </span>
        <input name="bundle" autocomplete="off" required pattern=".*\S.*" maxLength={bundle.maxLength} />
      </label>
      <label class="field">
        <span>
          SHA-256 <span class="soft">(64 digits, as sha256sum prints them)</span>
        </span>
        <input
          name="sha256"
          autocomplete="off"
          spellcheck={false}
          required
          pattern={sha256.pattern}
          title="64 hexadecimal digits in lower case"
        />
      </label>
    </>
  )
}
