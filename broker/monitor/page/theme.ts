import { type ColourScale, type Palette, readPalette, shareScale, speedScale } from './draw/palette.ts'

/** What the reader has chosen; `auto` follows the system. */
export type ThemeChoice = 'auto' | 'light' | 'dark'

export interface Theme {
  readonly choice: ThemeChoice
  choose(choice: ThemeChoice): void
  /** The colours of what is shown, the same object until that changes. */
  readonly colours: Colours
  /** Told after every change of what is shown. */
  onChange(handler: () => void): () => void
}

export interface Colours {
  readonly palette: Palette
  readonly speeds: ColourScale
  readonly shares: ColourScale
}

const key = 'trustmix-theme'

/** Keeps `data-theme` of the document at what is shown, `light` or `dark`. */
export function createTheme(): Theme {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const handlers = new Set<() => void>()
  let choice = stored()
  let colours: Colours | undefined
  const apply = (): void => {
    const shown = choice === 'auto' ? (system.matches ? 'dark' : 'light') : choice
    if (document.documentElement.dataset.theme === shown) return
    document.documentElement.dataset.theme = shown
    colours = undefined
    for (const handler of handlers) handler()
  }
  system.addEventListener('change', apply)
  apply()
  return {
    get choice() {
      return choice
    },
    get colours() {
      colours ??= readColours()
      return colours
    },
    choose(next) {
      choice = next
      try {
        localStorage.setItem(key, next)
      } catch {
        // A browser that keeps nothing: the choice holds for this page.
      }
      apply()
    },
    onChange(handler) {
      handlers.add(handler)
      return () => handlers.delete(handler)
    },
  }
}

function readColours(): Colours {
  const palette = readPalette()
  return { palette, speeds: speedScale(palette.dark), shares: shareScale(palette) }
}

function stored(): ThemeChoice {
  try {
    const found = localStorage.getItem(key)
    if (found === 'light' || found === 'dark') return found
  } catch {
    // As above.
  }
  return 'auto'
}
