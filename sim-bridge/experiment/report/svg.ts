/** Attribute values of an element; numbers are written with at most two decimals. */
export type Attributes = Readonly<Record<string, string | number>>

/** An element as text, well-formed both as XML and as HTML; `children` must be well-formed already. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${attributeText(value)}"`)
  return children.length === 0
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>${children.join('')}</${name}>`
}

/** A text element; `content` may hold any characters. */
export function label(attributes: Attributes, content: string): string {
  return element('text', attributes, escapeText(content))
}

/** The path through `points`, broken where a coordinate is not finite. */
export function pathData(points: readonly (readonly [x: number, y: number])[]): string {
  let data = ''
  let pen = 'M'
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = 'M'
      continue
    }
    data += `${pen}${pixel(x)} ${pixel(y)}`
    pen = 'L'
  }
  return data
}

/** `text` for content and attribute values; characters that XML forbids are dropped. */
export function escapeText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

export function pixel(value: number): string {
  return String(Number(value.toFixed(2)))
}

function attributeText(value: string | number): string {
  return typeof value === 'number' ? pixel(value) : escapeText(value)
}
