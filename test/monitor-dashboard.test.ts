import t from 'tap'
import { readDashboard } from './support/monitoring.ts'

t.test('the dashboard asks the source that is chosen, for the fleet and the vehicles that are chosen', async (t) => {
  const { schemaVersion, panels, templating } = readDashboard()
  t.equal(schemaVersion, 42)
  t.same(
    templating.list.map(({ name, type }) => [name, type]),
    [
      ['datasource', 'datasource'],
      ['fleet', 'query'],
      ['vehicle', 'query'],
    ],
  )
  for (const { datasource } of templating.list.slice(1)) t.equal(datasource?.uid, `\${datasource}`)
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'ids are told apart')
  for (const { title, type, datasource, targets = [] } of panels) {
    if (type === 'row') continue
    t.ok(targets.length > 0, title)
    for (const { expr, datasource: asked } of [...targets, { expr: '{fleet="$fleet"', datasource }]) {
      t.equal(asked?.uid, `\${datasource}`, title)
      t.match(expr, /\{fleet="\$fleet"/, title)
    }
  }
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `column ${x + (i % w)}, row ${y + Math.floor(i / w)}`),
  )
  t.same(
    cells.filter((cell, i) => cells.indexOf(cell) !== i),
    [],
    'no panel lies on another one',
  )
  t.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
})
