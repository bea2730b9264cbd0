import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useTick, useTools } from '../hooks.ts'
import { percent, whole } from '../model/format.ts'
import { matrixIds, reasonCounts } from '../model/verdicts.ts'
import { Empty, Section } from '../parts.tsx'
import { AlphaChart } from './alpha-chart.tsx'
import { Matrix } from './matrix.tsx'
import { PairDetail } from './pair-detail.tsx'
import { PairTable } from './pair-table.tsx'
import { Reasons } from './reasons.tsx'

/** Two vehicles, of which `own` judges `peer`. */
export interface Chosen {
  readonly own: string
  readonly peer: string
}

/** Who learns from whom, how that is judged, and on what evidence. */
export function CollaborationView(): JSX.Element {
  const { page } = useTools()
  useTick(500)
  const [chosen, setChosen] = useState<Chosen>()
  const { fleet } = page
  const counts = reasonCounts(fleet.vehicles.values())
  if (counts.total === 0)
    return (
      <>
        <h1>Collaboration</h1>
        <Empty title="No verdict has come yet">
          <p>
            After every round each vehicle judges the policies of the others and publishes what it found. With the
            method <code>independent</code> nobody judges anybody.
          </p>
        </Empty>
      </>
    )
  const ids = matrixIds(fleet)
  return (
    <>
      <div class="view-head">
        <h1>Collaboration</h1>
        <p class="view-note">
          {whole(counts.total)} verdicts heard, {percent(counts.accepted / counts.total, 1)} accepted
        </p>
      </div>
      <div class="two-columns">
        <Section title="Who referred to whom" note="a row judges a column">
          <Matrix ids={ids} pairs={fleet.pairs} chosen={chosen} onChoose={setChosen} />
        </Section>
        <div class="column">
          <PairDetail chosen={chosen} onClose={() => setChosen(undefined)} />
          <Section title="Outcomes" note="since this page was opened">
            <Reasons counts={counts} />
          </Section>
        </div>
      </div>
      <Section title="α over time" note="share of the peer's policy in each accepted mix">
        <AlphaChart chosen={chosen} />
      </Section>
      <Section title="All pairs" note="the matrix as a table">
        <PairTable pairs={fleet.pairs} chosen={chosen} onChoose={setChosen} />
      </Section>
    </>
  )
}
