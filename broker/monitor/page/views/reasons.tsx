import type { JSX } from 'preact'
import { percent, whole } from '../model/format.ts'
import type { ReasonCounts } from '../model/verdicts.ts'
import { reasonWords } from '../model/words.ts'

/** How judgements ended: accepted, and rejected by reason. */
export function Reasons({ counts }: { readonly counts: ReasonCounts }): JSX.Element {
  const { accepted, rejected, total } = counts
  const most = Math.max(1, accepted, ...rejected.map(({ count }) => count))
  const rows = [{ reason: 'accepted' as const, count: accepted }, ...rejected]
  return (
    <ul class="bars">
      {rows.map(({ reason, count }) => (
        <li key={reason} class={reason === 'accepted' ? 'bar bar-taken' : 'bar'} title={reasonWords[reason].long}>
          <span class="bar-name">{reasonWords[reason].short}</span>
          <span class="bar-count">
            {whole(count)} <span class="soft">{percent(count / Math.max(1, total))}</span>
          </span>
          <span class="bar-track" aria-hidden="true">
            <span style={{ width: `${(100 * count) / most}%` }} />
          </span>
        </li>
      ))}
    </ul>
  )
}
