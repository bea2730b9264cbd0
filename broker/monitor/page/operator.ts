import { channels } from '../../../schemas/topics.ts'
import type { Acknowledgement } from '../../../schemas/trust.ts'
import { formatVersion } from '../../../schemas/validator.ts'
import type { Connection } from './connection.ts'
import { bodyOf, type Draft, nextCounter, pkcs8Of } from './model/commands.ts'
import type { PageState } from './model/page-state.ts'

/** Who signs commands here: an id and a key that this page can use but nobody can read out. Kept in memory only. */
export interface Operator {
  readonly id: string | undefined
  /** Why commands cannot be signed in this browser at all; undefined where they can. */
  readonly impossible: string | undefined
  /** Takes a key file. Rejects, with what to do, where it is none. */
  takeKey(id: string, file: File): Promise<void>
  forget(): void
  /** Signs and sends until it is answered. Rejects where no answer comes in time: it may then have been carried out. */
  send(draft: Omit<Draft, 'operator' | 'fleet'>): Promise<Acknowledgement>
}

/** As `trustmix command` does. */
const repeatEveryMs = 1_000
const timeoutMs = 10_000

export function createOperator(page: PageState, connection: Connection): Operator {
  let id: string | undefined
  let key: CryptoKey | undefined
  let counter = -1
  const waiting = new Set<(name: string, vehicle: string, ack: Acknowledgement) => void>()
  const { fleet } = page.fleet

  connection.inbox.add(channels.ack, { fleet }, (ack, { vehicle, name }) => {
    for (const told of waiting) told(name, vehicle, ack)
  })

  return {
    get id() {
      return id
    },
    impossible: isSecureContext
      ? undefined
      : 'Browsers sign only on pages that came over TLS or from this machine. Open the page over https, or on the machine itself.',
    async takeKey(operatorId, file) {
      const bytes = pkcs8Of(await file.text())
      try {
        // Not extractable: whatever runs in this page can sign with it while it is open, and never take it away.
        key = await crypto.subtle.importKey('pkcs8', bytes, { name: 'Ed25519' }, false, ['sign'])
      } catch (error) {
        throw new Error(
          (error as Error).name === 'NotSupportedError'
            ? 'This browser has no Ed25519 signatures: use a newer one, or trustmix command.'
            : 'The file must hold an Ed25519 private key (PKCS#8, PEM): this is a key of another kind, or damaged.',
        )
      } finally {
        bytes.fill(0)
      }
      id = operatorId
    },
    forget() {
      id = undefined
      key = undefined
    },
    async send(draft) {
      if (!id || !key) throw new Error('A key must be chosen first.')
      const { name, vehicle } = draft
      const operator = id
      counter = nextCounter(counter, operator, page.fleet.vehicles.get(vehicle), Date.now())
      const sent = counter
      const body = bodyOf({ ...draft, fleet, operator }, sent)
      const signed = await crypto.subtle.sign({ name: 'Ed25519' }, key, new TextEncoder().encode(body))
      const message = {
        version: formatVersion,
        body,
        signature: btoa(String.fromCharCode(...new Uint8Array(signed))),
      } as const
      const publish = (): boolean => connection.publish(channels.cmd, { fleet, vehicle, name }, message)
      return await new Promise((resolve, reject) => {
        const told = (answered: string, by: string, ack: Acknowledgement): void => {
          if (answered === name && by === vehicle && ack.operator === operator && ack.counter === sent)
            end(() => resolve(ack))
        }
        const end = (then: () => void): void => {
          waiting.delete(told)
          clearInterval(repeat)
          clearTimeout(late)
          then()
        }
        const repeat = setInterval(publish, repeatEveryMs)
        const late = setTimeout(
          () =>
            end(() =>
              reject(
                new Error(
                  `${vehicle} did not answer within ${timeoutMs / 1_000} s. It may have carried it out; the user that is signed in may also lack the role operator.`,
                ),
              ),
            ),
          timeoutMs,
        )
        waiting.add(told)
        publish()
      })
    },
  }
}
