/**
 * Laws for the lines that learning is measured against, per preset, by name (docs/settings.md has their speeds). `untrained`
 * is what a policy that has learned nothing drives in the setting `headway`, the middle of the range of time gaps;
 * `best-headway` the best constant time gap; the others were found by search on SUMO, `robust-mesh` over jittered starts too.
 */
const handLaws = {
  flow: {
    untrained: 'headway:4',
    'best-headway': 'headway:5',
    'best-gap': 'gap:1.21:26.9:0.49:20.2',
    'best-mesh': 'gap:2.2:15.3:0.81:13.8:-0.38:-2.04:-0.43',
    'robust-mesh': 'gap:2.25:15.8:0.545:22.4:-0.147:-0.61:-0.32',
  },
  lab: {
    untrained: 'headway:6',
    'best-headway': 'headway:7',
    'best-gap': 'gap:0.57:32.8:0.35:19.7:0.13',
    'best-wave': 'gap:3.23:-5.2:0.121:17.8:0.226:-0.99:-0.41:8.07:-0.9',
  },
} as const satisfies Readonly<Record<'flow' | 'lab', Readonly<Record<string, string>>>>

/** Names of the hand laws of a preset. */
export function handLawNames(preset: 'flow' | 'lab'): string[] {
  return Object.keys(handLaws[preset])
}

/** The controller that a name stands for in a preset: a hand law, or the name itself where it is none. */
export function controllerName(name: string, preset: 'flow' | 'lab'): string {
  const laws: Readonly<Record<string, string>> = handLaws[preset]
  return Object.hasOwn(laws, name) ? (laws[name] as string) : name
}
