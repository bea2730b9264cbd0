import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

/**
 * Draws `svg` as a PNG of `width` pixels, its height in proportion, the text in the font that comes with it, so that
 * no system font is needed. Throws when the optional packages are not installed.
 */
export async function svgToPng(svg: string, width: number): Promise<Uint8Array> {
  if (!Number.isInteger(width) || width < 1 || width > 16_384) {
    throw new Error(`PNG width must be a whole number of pixels in [1, 16384], got ${width}`)
  }
  const { Resvg } = await loadRenderer()
  const fontBuffers = await Promise.all(fontFiles.map((file) => readFile(locate(file))))
  const drawing = new Resvg(withDrawnCharacters(svg), {
    fitTo: { mode: 'width', value: width },
    font: { fontBuffers, defaultFontFamily: fontName, sansSerifFamily: fontName },
  })
  const image = drawing.render()
  const png = image.asPng()
  image.free()
  drawing.free()
  return png
}

// optional packages: one WebAssembly module for every processor and C library, and a font made to be read
const rendererName = '@resvg/resvg-wasm'
const fontPackage = '@fontsource/atkinson-hyperlegible'
const fontName = 'Atkinson Hyperlegible'
const fontFiles = [400, 700].map((weight) => `${fontPackage}/files/atkinson-hyperlegible-latin-${weight}-normal.woff2`)

/** The part of the renderer's interface that is used; written here since the package may be absent. */
type Renderer = {
  initWasm(module: Uint8Array): Promise<void>
  Resvg: new (
    svg: string,
    options: {
      fitTo: { mode: 'width'; value: number }
      font: { fontBuffers: Uint8Array[]; defaultFontFamily: string; sansSerifFamily: string }
    },
  ) => { render(): { asPng(): Uint8Array; free(): void }; free(): void }
}

const require = createRequire(import.meta.url)

async function loadRenderer(): Promise<Renderer> {
  const module = await readFile(locate(`${rendererName}/index_bg.wasm`))
  const renderer: Renderer = require(rendererName)
  try {
    await renderer.initWasm(module)
  } catch (error) {
    // it can be initialised once per process and offers no way to ask whether it was
    if (!String(error).includes('Already initialized')) throw error
  }
  return renderer
}

function locate(file: string): string {
  try {
    return require.resolve(file)
  } catch (error) {
    throw new Error(`a PNG needs the optional packages, try: npm install ${rendererName} ${fontPackage}`, {
      cause: error,
    })
  }
}

/** Characters that the font lacks, written with those that it has. */
function withDrawnCharacters(svg: string): string {
  return svg.replace(/[^\t\n\r\u0020-\u00FF\u2000-\u206F\u2212]/gu, (character) => substitutes[character] ?? '?')
}

const substitutes: Readonly<Record<string, string>> = {
  '≤': '&lt;=',
  '≥': '&gt;=',
  '≈': '~',
  '→': '-&gt;',
  '←': '&lt;-',
  α: 'alpha',
  γ: 'gamma',
  ε: 'epsilon',
  λ: 'lambda',
  μ: 'µ',
  π: 'pi',
  σ: 'sigma',
}
