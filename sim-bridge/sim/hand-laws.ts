/**
 * Laws for the lines that learning is measured against, per preset, by name (docs/settings.md has their speeds). `untrained`
 * is what a policy that has learned nothing drives in the setting `headway`, the middle of the range of time gaps;
 * `best-headway` is the best constant time gap. The others were found by random search: `best-…` by the speed from even starts,
 * `robust-…` by that from even and from jittered starts; `best` is the fastest of them from even starts.
 */
const handLaws = {
  flow: {
    untrained: 'headway:4',
    'best-headway': 'headway:5',
    'best-gap': 'gap:1.21:26.9:0.49:20.2',
    'robust-mesh': 'gap:2.116:17.36:0.574:21.96:-0.151:-0.8546:-0.3081',
    best: 'gap:2.233:14.67:0.8503:15.77:-0.4276:-2.304:-0.4118',
  },
  lab: {
    untrained: 'headway:6',
    'best-headway': 'headway:7',
    'best-gap': 'gap:0.57:32.8:0.35:19.7:0.13',
    'robust-mesh': 'gap:0.5472:33.71:0.6839:25.25:0.3981:-1.359:-0.05583',
    'robust-wave': 'gap:2.915:-10.94:0.2189:19.2:0.6259:0.352:-0.21:16.35:-0.6282',
    best: 'gap:3.23:-5.2:0.121:17.8:0.226:-0.99:-0.41:8.07:-0.9',
  },
} as const satisfies Readonly<Record<'flow' | 'lab', Readonly<Record<string, string>>>>

/** The controller that a name stands for in a preset: a hand law, or the name itself where it is none. */
export function controllerName(name: string, preset: 'flow' | 'lab'): string {
  const laws: Readonly<Record<string, string>> = handLaws[preset]
  return Object.hasOwn(laws, name) ? (laws[name] as string) : name
}
