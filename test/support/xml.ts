/** `ok` or what is wrong: tags nested and closed, attributes quoted, no bare ampersand, no forbidden character. */
export function wellFormed(xml: string): string {
  if (/&(?!(amp|lt|gt|quot);)/.test(xml)) return 'bare ampersand'
  if (/(?![\n])\p{Cc}/u.test(xml)) return 'control character'
  const open: string[] = []
  const rest = xml.replace(
    /<(\/?)([a-z][a-z0-9]*)((?: [\w:-]+="[^"<]*")*)(\/?)>/gi,
    (_, close: string, name: string, __, empty: string) => {
      if (close === '/') return open.pop() === name ? '' : '<'
      if (empty === '') open.push(name)
      return ''
    },
  )
  return rest.includes('<') ? 'bad tag' : open.length > 0 ? `${open} left open` : 'ok'
}
