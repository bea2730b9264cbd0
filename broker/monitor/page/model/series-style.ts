/** Colours that are told apart with every kind of colour vision (Okabe and Ito, 2008), darkened or lightened for the background. */
const onLight = ['#0072b2', '#b34a00', '#00735c', '#a0387a', '#5b4bb5', '#8a6100', '#2f7fb3', '#444444']
const onDark = ['#6cb8e6', '#f0a35e', '#4fc7a4', '#e291c2', '#a99bf0', '#e6c35c', '#9fd0ee', '#c8c8c8']

/** Stroke and dashes of the n-th of many curves; from the ninth on dashes tell them apart. */
export function seriesStyle(n: number, dark: boolean): { readonly stroke: string; readonly dash: number[] } {
  const colours = dark ? onDark : onLight
  const dashes = [[], [6, 4], [2, 3]]
  return {
    stroke: colours[n % colours.length] as string,
    dash: dashes[Math.floor(n / colours.length) % dashes.length] as number[],
  }
}
