import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { useTick, useTools } from './hooks.ts'
import { alarmWords } from './model/words.ts'

/** Says alarms as they come and go to those who hear the page; many at once are said as a number. */
export function AlarmAnnouncer(): JSX.Element {
  const { page } = useTools()
  useTick(500)
  const known = useRef<ReadonlyMap<string, string>>(new Map())
  const said = useRef('')
  const present = new Map<string, string>()
  for (const [id, { kind, vehicle }] of page.fleet.alarms) present.set(id, `${vehicle}: ${alarmWords[kind]}`)
  const come = [...present].filter(([id]) => !known.current.has(id)).map(([, text]) => text)
  const gone = [...known.current].filter(([id]) => !present.has(id)).map(([, text]) => text)
  if (come.length + gone.length > 0) {
    said.current = [sentence('Alarm', come), sentence('Over', gone)].filter((text) => text !== '').join('. ')
    known.current = present
  }
  return (
    <div class="unseen" role="status" aria-live="polite" aria-label="Alarms as they come and go">
      {said.current}
    </div>
  )
}

function sentence(word: string, texts: readonly string[]): string {
  if (texts.length === 0) return ''
  return texts.length > 3 ? `${word}: ${texts.length} vehicles` : `${word}: ${texts.join('; ')}`
}
