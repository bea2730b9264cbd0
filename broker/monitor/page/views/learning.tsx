import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { RunMessage } from '../../../../schemas/run.ts'
import { nasSpeed } from '../../../../schemas/setting.ts'
import { axis, Chart } from '../chart.tsx'
import { useTick, useTools } from '../hooks.ts'
import { fixed, percent, whole } from '../model/format.ts'
import { type EpochScore, scoresOf } from '../model/scores.ts'
import { Empty, Figure, Section } from '../parts.tsx'
import { type TableColumn, VirtualTable } from '../virtual-table.tsx'
import { ReturnChart } from './return-chart.tsx'

/** How the fleet gets better: the score of each epoch, and every vehicle's return. */
export function LearningView(): JSX.Element {
  const { page } = useTools()
  useTick(500)
  const { run, vehicles } = page.fleet
  const learners = [...vehicles.values()].filter(({ returns }) => returns.length > 0)
  const done = run?.message.history.length ?? 0
  return (
    <>
      <div class="view-head">
        <h1>Learning</h1>
        {run && (
          <p class="view-note">
            seed {run.message.seed} · {run.message.network}
          </p>
        )}
      </div>
      <Section
        title="Score per epoch"
        note="NAS: mean speed of all cars divided by 20 m/s, 0 in a step with a collision"
      >
        {run && done > 0 ? (
          <ScoreChart key={run.id} message={run.message} ended={run.ended} />
        ) : (
          <Empty title={run ? 'The first epoch is being driven' : 'No run yet'}>
            <p>The score appears here when an epoch is over, beside that of the driver model alone.</p>
          </Empty>
        )}
      </Section>
      <Section title="Return of each vehicle" note="one point a round, from its telemetry">
        {learners.length > 0 ? (
          <ReturnChart learners={learners} />
        ) : (
          <Empty title="No return has been told yet">
            <p>Vehicles tell their return after each round of 25 s.</p>
          </Empty>
        )}
      </Section>
    </>
  )
}

function ScoreChart(props: { readonly message: RunMessage; readonly ended: boolean }): JSX.Element {
  const { message, ended } = props
  const { baseline } = message
  const [pointed, setPointed] = useState<number>()
  const [table, setTable] = useState(false)
  const rows = scoresOf(message, ended)
  const at = rows[pointed ?? rows.length - 1] ?? rows[rows.length - 1]
  const best = rows.reduce((found, row) => (row.nas > found.nas ? row : found), rows[0] as EpochScore)
  return (
    <>
      <dl class="figures">
        <Figure name={pointed === undefined ? 'Last epoch' : 'Epoch'} value={whole(at?.epoch)} />
        <Figure name="NAS" value={fixed(at?.nas, 3)} />
        <Figure
          name="Mean speed"
          value={fixed((at?.nas ?? Number.NaN) * nasSpeed, 2)}
          unit="m/s"
          hint="Without collisions"
        />
        <Figure name="Drivers alone" value={fixed(baseline.nas, 3)} hint={`${fixed(baseline.meanSpeed, 2)} m/s`} />
        <Figure name="Against them" value={percent((at?.nas ?? Number.NaN) / baseline.nas - 1, 1)} />
        <Figure name="Best epoch" value={`${fixed(best.nas, 3)}`} hint={`Epoch ${best.epoch}`} />
      </dl>
      <Chart
        label={`NAS of ${rows.length} epochs, the last ${fixed(at?.nas, 3)}, the drivers alone ${fixed(baseline.nas, 3)}`}
        height={260}
        everyMs={500}
        version=""
        onPoint={setPointed}
        options={(palette) => ({
          scales: {
            x: { time: false, range: (_, least, most) => [least ?? 0, Math.max((least ?? 0) + 5, most ?? 1)] },
            y: {
              range: (_, least, most) => [
                Math.max(0, Math.min(least ?? 0, baseline.nas) - 0.03),
                Math.max(most ?? 0, baseline.nas) + 0.03,
              ],
            },
          },
          axes: [
            axis(palette, {
              label: 'epoch',
              labelSize: 18,
              size: 30,
              space: 60,
              incrs: [1, 2, 5, 10, 20, 50, 100, 200],
            }),
            axis(palette, { size: 52, values: (_, values) => values.map((value) => fixed(value, 3)) }),
          ],
          series: [
            {},
            { stroke: palette.accent, width: 2, points: { show: rows.length < 40, size: 5 } },
            { stroke: palette.soft, width: 1.5, dash: [6, 5], points: { show: false } },
          ],
        })}
        data={() => [rows.map((row) => row.epoch), rows.map((row) => row.nas), rows.map(() => baseline.nas)]}
      />
      <p class="key">
        <span class="key-line" aria-hidden="true" /> fleet
        <span class="key-line key-dashed" aria-hidden="true" /> drivers alone
        <button type="button" class="quiet" aria-expanded={table} onClick={() => setTable(!table)}>
          {table ? 'Hide the table' : 'As a table'}
        </button>
      </p>
      {table && (
        <VirtualTable
          caption="Score of each epoch"
          columns={scoreColumns(baseline.nas)}
          rows={[...rows].reverse()}
          rowKey={(row) => String(row.epoch)}
          maxRows={10}
        />
      )}
    </>
  )
}

function scoreColumns(baseline: number): readonly TableColumn<EpochScore>[] {
  return [
    { key: 'epoch', title: 'Epoch', width: '6rem', cell: ({ epoch }) => whole(epoch) },
    { key: 'nas', title: 'NAS', width: '6rem', numeric: true, cell: ({ nas }) => fixed(nas, 4) },
    {
      key: 'speed',
      title: 'Mean speed',
      unit: 'm/s',
      width: '9rem',
      numeric: true,
      cell: ({ nas }) => fixed(nas * nasSpeed, 2),
    },
    {
      ...{ key: 'against', title: 'Against the drivers', width: '10rem', numeric: true },
      cell: ({ nas }) => percent(nas / baseline - 1, 1),
    },
  ]
}
