import { darkStyle, pageColours } from './palette.ts'

/** The style of the page: colours of what the reader prefers, plots side by side where there is room. */
export const reportStyle = [
  pageColours(),
  darkStyle(),
  '*{box-sizing:border-box}',
  'body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Helvetica,Arial,sans-serif}',
  'main{max-width:960px;margin:0 auto;padding:16px}',
  'h1{font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.3rem;margin:2.2rem 0 .6rem}h3{font-size:1.05rem;margin:1.4rem 0 .4rem}',
  'li{overflow-wrap:anywhere}',
  'nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;list-style:none}',
  'a{color:inherit}',
  'figure{margin:1rem 0;min-width:0}figcaption{font-weight:700;overflow-wrap:anywhere}',
  '.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:0 24px}',
  '.scroll{overflow-x:auto}.scroll:focus-visible,pre:focus-visible{outline:2px solid var(--ink);outline-offset:2px}',
  'svg{display:block;max-width:100%;height:auto}.wide svg{min-width:680px}.narrow svg{min-width:300px}',
  '.note{color:var(--soft);font-size:.9rem;margin:.2rem 0}',
  'summary{cursor:pointer;color:var(--soft);padding:.2rem 0}',
  'table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}',
  'caption{text-align:left;color:var(--soft);padding:.3rem 0}',
  'th,td{padding:.2rem .7rem .2rem 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid)}',
  'th:first-child{text-align:left}',
  'pre{overflow-x:auto;font-size:.82rem;border:1px solid var(--grid);padding:.7rem;max-height:30rem}',
  '@media print{.scroll{overflow:visible}}',
].join('\n')
