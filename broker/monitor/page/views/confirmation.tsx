import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { CommandName } from '../../../../schemas/command.ts'
import { commandWords } from '../model/command-words.ts'

/** A command that is about to be signed. */
export interface Order {
  readonly name: CommandName
  readonly args: Readonly<Record<string, string>>
  readonly boot: number
}

/** Asks once more before something is signed; says exactly what. */
export function Confirmation(props: {
  readonly vehicle: string
  readonly operator: string
  readonly order: Order
  readonly onCancel: () => void
  readonly onConfirm: () => void
}): JSX.Element {
  const { vehicle, operator, order, onCancel, onConfirm } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const { title, effect } = commandWords[order.name]
  useLayoutEffect(() => {
    const element = dialog.current
    element?.showModal()
    // Closed, not only taken away: then the focus goes back to what asked.
    return () => element?.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-title"
      aria-describedby="confirm-text"
      onCancel={(event) => {
        event.preventDefault()
        onCancel()
      }}
    >
      <h2 id="confirm-title">
        {title} on {vehicle}?
      </h2>
      <p id="confirm-text">{effect}</p>
      <dl class="facts">
        <div>
          <dt>Command</dt>
          <dd>
            {order.name}
            {Object.entries(order.args).map(([key, value]) => (
              <span key={key}>
                , {key} <strong>{value}</strong>
              </span>
            ))}
          </dd>
        </div>
        <div>
          <dt>For</dt>
          <dd>
            {vehicle}, boot {order.boot}
          </dd>
        </div>
        <div>
          <dt>Signed by</dt>
          <dd>{operator}</dd>
        </div>
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="quiet" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" class="primary" data-confirm="" onClick={onConfirm}>
          Sign and send
        </button>
      </div>
    </dialog>
  )
}
