import type { Analysis } from './analysis.ts'

/** All numbers of the report, at nine digits; what is not finite is null. */
export function reportJson(analysis: Analysis): string {
  return `${JSON.stringify(analysis, (_, value: unknown) => (typeof value === 'number' ? rounded(value) : value), 1)}\n`
}

function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : null
}
