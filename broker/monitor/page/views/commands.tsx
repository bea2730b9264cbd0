import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { type CommandName, type CommandReason, commandNames } from '../../../../schemas/command.ts'
import type { Vehicle } from '../../../fleet.ts'
import { useTools } from '../hooks.ts'
import { commandWords, refusalWords } from '../model/command-words.ts'
import { Section } from '../parts.tsx'
import { CommandForm } from './command-form.tsx'
import { Confirmation, type Order } from './confirmation.tsx'
import { KeyForm, SignInForm } from './operator-forms.tsx'

/** How the command that was sent last stands. */
type Progress =
  | { readonly kind: 'waiting' | 'done'; readonly text: string }
  | { readonly kind: 'refused' | 'failed'; readonly text: string }

/** Signed commands to one vehicle: who signs, what is sent, what the vehicle answered. */
export function Commands({ vehicle }: { readonly vehicle: Vehicle }): JSX.Element {
  const { operator, connection } = useTools()
  const [order, setOrder] = useState<Order>()
  const [progress, setProgress] = useState<Progress>()
  const missing = missingOf(operator.impossible, connection.state.user, operator.id, vehicle)
  const waiting = progress?.kind === 'waiting'

  const send = async (sent: Order): Promise<void> => {
    setOrder(undefined)
    const { title } = commandWords[sent.name]
    setProgress({ kind: 'waiting', text: `${title}: signed and sent, waiting for the answer of ${vehicle.id}` })
    try {
      const { result, reason, detail } = await operator.send({ vehicle: vehicle.id, ...sent })
      const said = detail === undefined ? '' : ` (${detail})`
      setProgress(
        result === 'done'
          ? { kind: 'done', text: `${title}: done${said}` }
          : {
              kind: 'refused',
              text: `${title}: refused as ${reason}. ${refusalWords[reason as CommandReason] ?? ''}${said}`,
            },
      )
    } catch (error) {
      setProgress({ kind: 'failed', text: `${title}: ${(error as Error).message}` })
    }
  }
  const ask = (name: CommandName, args: Order['args']): void => {
    const boot = vehicle.status?.boot
    if (boot !== undefined) setOrder({ name, args, boot })
  }

  return (
    <Section title="Commands" note="signed with your own key, to this vehicle alone">
      {missing.length > 0 && (
        <div class="view-only">
          <p>
            <strong>View only.</strong> To give commands:
          </p>
          <ul>
            {missing.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
      {operator.impossible === undefined && (
        <div class="forms">
          <SignInForm />
          <KeyForm />
        </div>
      )}
      <ul class="commands">
        {commandNames.map((name) => (
          <li key={name}>
            <CommandForm
              name={name}
              status={vehicle.status}
              able={missing.length === 0 && !waiting}
              onAsk={(args) => ask(name, args)}
            />
          </li>
        ))}
      </ul>
      <p
        class={`progress progress-${progress?.kind ?? 'none'}`}
        role="status"
        aria-live="polite"
        data-progress={progress?.kind}
      >
        {progress?.text}
      </p>
      {order && (
        <Confirmation
          vehicle={vehicle.id}
          operator={operator.id ?? ''}
          order={order}
          onCancel={() => setOrder(undefined)}
          onConfirm={() => void send(order)}
        />
      )}
    </Section>
  )
}

/** What still keeps this page from giving commands. */
function missingOf(
  impossible: string | undefined,
  user: string | undefined,
  id: string | undefined,
  { status }: Vehicle,
): string[] {
  if (impossible !== undefined) return [impossible]
  const missing: string[] = []
  if (user === undefined) missing.push('Sign in at the broker as a user with the role operator.')
  if (id === undefined) missing.push('Choose your key: the vehicle checks who signed, whatever the broker says.')
  if (status?.state !== 'online') missing.push('The vehicle must be online: a command holds for the boot that runs.')
  return missing
}
