import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)

/** A file of the project, by its path from the root. */
export function pathOf(name: string): string {
  return fileURLToPath(new URL(name, root))
}

export const rulesFile = pathOf('docs/monitoring/trustmix.rules.yml')
export const ruleTestsFile = pathOf('docs/monitoring/trustmix.rules.test.yml')

/** The names of metrics of ours that expressions hold; a histogram under its own name. */
export function metricsIn(text: string): Set<string> {
  const names = text.match(/\b(trustmix|process|nodejs)_[a-z0-9_]+/g) ?? []
  return new Set(names.map((name) => name.replace(/_bucket$/, '')))
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
  readonly panels?: readonly Panel[]
}

export interface Dashboard {
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly {
      readonly name: string
      readonly type: string
      readonly definition?: string
      readonly datasource?: { readonly uid: string }
    }[]
  }
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(pathOf('docs/monitoring/grafana-dashboard.json'), 'utf8')) as Dashboard
}

/** An expression as Grafana asks it, for one fleet and all vehicles. */
export function asked(expression: string, fleet: string): string {
  return expression.replaceAll('$fleet', fleet).replaceAll('$vehicle', '.*').replaceAll('$__rate_interval', '5s')
}

/** The rows of the first table of a Markdown file whose head has these columns, cells without their backquotes. */
export function tableOf(file: string, ...columns: readonly string[]): string[][] {
  const lines = readFileSync(pathOf(file), 'utf8').split('\n')
  const head = lines.indexOf(`| ${columns.join(' | ')} |`)
  if (head < 0) throw new Error(`${file} must have a table of ${columns.join(', ')}`)
  const rows: string[][] = []
  for (let i = head + 2; lines[i]?.startsWith('|'); i++)
    rows.push(
      (lines[i] as string)
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
  return rows
}
