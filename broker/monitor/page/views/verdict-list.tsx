import type { JSX } from 'preact'
import type { VerdictMessage } from '../../../../schemas/verdict.ts'
import { significant, span } from '../model/format.ts'
import { advantageText, evidenceOf, type HeardVerdict, sentenceOf } from '../model/verdicts.ts'
import { reasonWords } from '../model/words.ts'
import { type TableColumn, VirtualTable } from '../virtual-table.tsx'

/** One verdict: a sentence, and every figure that it rests on. */
export function VerdictEvidence({ verdict }: { readonly verdict: VerdictMessage }): JSX.Element {
  const { epoch, step, mode, estimator } = verdict
  return (
    <div class="evidence" data-verdict={verdict.reason}>
      <p class={verdict.accepted ? 'evidence-said taken' : 'evidence-said'}>
        <span class="verdict-mark" aria-hidden="true" />
        {sentenceOf(verdict)}
      </p>
      <p class="note">
        Epoch {epoch}, step {step} · judged by {mode}
        {estimator && `, q by ${estimator}`}
      </p>
      <dl class="evidence-figures">
        {evidenceOf(verdict).map(({ symbol, name, text }) => (
          <div key={symbol}>
            <dt>
              <span class="symbol">{symbol}</span> <span class="soft">{name}</span>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

/** Verdicts, the newest first; a press on one shows its evidence. */
export function VerdictTable(props: {
  readonly verdicts: readonly HeardVerdict[]
  readonly shown: HeardVerdict | undefined
  readonly onShow: (verdict: HeardVerdict) => void
  /** Whether the peers are named. */
  readonly peers: boolean
}): JSX.Element {
  const { verdicts, shown, onShow, peers } = props
  const nowMs = performance.now()
  const columns: readonly TableColumn<HeardVerdict>[] = [
    {
      ...{ key: 'time', title: 'Ago', width: '5rem' },
      cell: (verdict) => (
        <button type="button" class="link" aria-pressed={verdict === shown} onClick={() => onShow(verdict)}>
          {span(nowMs - verdict.atMs)}
        </button>
      ),
    },
    ...(peers
      ? [{ key: 'peer', title: 'Peer', width: '6rem', cell: ({ message }: HeardVerdict) => message.peerId ?? '–' }]
      : []),
    {
      ...{ key: 'outcome', title: 'Outcome', width: '9.5rem' },
      cell: ({ message }) => (
        <span class={message.accepted ? 'verdict taken' : 'verdict'}>
          <span class="verdict-mark" aria-hidden="true" />
          {reasonWords[message.reason].short}
        </span>
      ),
    },
    { key: 'alpha', title: 'α', width: '5.5rem', numeric: true, cell: ({ message }) => significant(message.alpha) },
    { key: 'advantage', title: 'Ā ± SE', width: '11rem', numeric: true, cell: ({ message }) => advantageText(message) },
  ]
  return (
    <VirtualTable
      caption="Verdicts, the newest first"
      columns={columns}
      rows={verdicts}
      rowKey={({ atMs, message }) => `${atMs} ${message.peerId} ${message.step} ${message.reason}`}
      rowClass={(verdict) => (verdict === shown ? 'marked' : undefined)}
      maxRows={8}
    />
  )
}
