const width = 30

/** A bar of how much is done, e.g. `[#########---] 12,345/16,000 records  77 %`. */
export function progressBar(done: number, all: number): string {
  const share = all > 0 ? done / all : 1
  const filled = Math.floor(share * width)
  const counts = `${done.toLocaleString('en')}/${all.toLocaleString('en')} records`
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${counts}  ${Math.floor(100 * share)} %`
}
