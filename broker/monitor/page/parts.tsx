import type { ComponentChildren, JSX } from 'preact'

/** A titled part of a view. `level` is that of its heading. */
export function Section(props: {
  readonly title: string
  readonly note?: ComponentChildren
  readonly tools?: ComponentChildren
  readonly class?: string
  readonly children: ComponentChildren
}): JSX.Element {
  const id = `section-${props.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`
  return (
    <section class={`card ${props.class ?? ''}`} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{props.title}</h2>
        {props.note && <p class="note">{props.note}</p>}
        {props.tools && <div class="card-tools">{props.tools}</div>}
      </div>
      {props.children}
    </section>
  )
}

/** A figure with its name; the unit small beside it. */
export function Figure(props: {
  readonly name: string
  readonly value: string
  readonly unit?: string | undefined
  readonly hint?: string | undefined
}): JSX.Element {
  return (
    <div class="figure" title={props.hint}>
      <dt>{props.name}</dt>
      <dd>
        {props.value}
        {props.unit && props.value !== '–' && <span class="unit"> {props.unit}</span>}
      </dd>
    </div>
  )
}

/** What is shown where there is nothing to show yet: what is missing and how it comes. */
export function Empty(props: { readonly title: string; readonly children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <Loop />
      <p class="empty-title">{props.title}</p>
      {props.children && <div class="empty-text">{props.children}</div>}
    </div>
  )
}

/** The figure eight, in the colour of the text around it. */
export function Loop(): JSX.Element {
  return (
    <svg class="loop" viewBox="0 0 32 20" aria-hidden="true">
      <path d="M16 10C11 3 3 3 3 10s8 7 13 0 13-7 13 0-8 7-13 0z" />
    </svg>
  )
}

/** Told apart by shape, so that they can be read without colour. */
const shapes = {
  good: 'M3.2 8.4l3 3 6.6-7',
  bad: 'M4 4l8 8M12 4l-8 8',
  warn: 'M8 3v6M8 12.2v.6',
  off: 'M4 8h8',
  unknown: 'M6 6.2a2 2 0 1 1 2.6 1.9c-.5.2-.6.5-.6 1.2M8 12.4v.4',
} as const
export type SignKind = keyof typeof shapes

/** A small sign with its meaning in words. */
export function Sign(props: { readonly kind: SignKind; readonly text: string }): JSX.Element {
  return (
    <span class={`sign sign-${props.kind}`} role="img" aria-label={props.text} title={props.text}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={shapes[props.kind]} />
      </svg>
    </span>
  )
}

/** One of a few choices, as buttons side by side. */
export function Choice<T extends string>(props: {
  readonly name: string
  readonly value: T
  readonly of: readonly (readonly [value: T, text: string])[]
  readonly onChoose: (value: T) => void
}): JSX.Element {
  return (
    <fieldset class="choice">
      <legend class="unseen">{props.name}</legend>
      {props.of.map(([value, text]) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onChoose(value)}>
          {text}
        </button>
      ))}
    </fieldset>
  )
}
