import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useTools } from '../hooks.ts'
import { newestVerdicts } from '../model/verdicts.ts'
import { Section } from '../parts.tsx'
import type { Chosen } from './collaboration.tsx'
import { VerdictEvidence, VerdictTable } from './verdict-list.tsx'

/** The verdicts of one vehicle about another: a list, and the evidence of one of them. */
export function PairDetail({
  chosen,
  onClose,
}: {
  readonly chosen: Chosen | undefined
  readonly onClose: () => void
}): JSX.Element {
  const { page } = useTools()
  const [at, setAt] = useState<number>()
  if (!chosen)
    return (
      <Section title="Verdicts of a pair">
        <p class="none">
          Choose a cell of the matrix, or a row of the table below, to see on what evidence one vehicle judged another.
        </p>
      </Section>
    )
  const verdicts = newestVerdicts(page.fleet, chosen.own, chosen.peer, 50)
  // The one that was chosen as long as it is kept, else the newest.
  const shown = verdicts.find(({ atMs }) => atMs === at) ?? verdicts[0]
  return (
    <Section
      title={`${chosen.own} about ${chosen.peer}`}
      tools={
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      }
    >
      {shown ? (
        <VerdictEvidence verdict={shown.message} />
      ) : (
        <p class="none">The verdicts of this pair are no longer among the newest 5 000.</p>
      )}
      <VerdictTable verdicts={verdicts} shown={shown} onShow={({ atMs }) => setAt(atMs)} peers={false} />
    </Section>
  )
}
