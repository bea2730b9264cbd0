import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AsyncAPIDocumentInterface, stringify } from '@asyncapi/parser'

const require = createRequire(import.meta.url)

/**
 * A parsed AsyncAPI document as one page that needs nothing else: rendered here by the component of the AsyncAPI project, so that it
 * can be read without scripts, with the component's own script beside it, which opens what is folded.
 */
export function pageOf(document: AsyncAPIDocumentInterface): string {
  // The component's ES modules import each other without an extension, which Node refuses; CommonJS it is.
  const { AsyncApiComponentWP } = require('@asyncapi/react-component') as { readonly AsyncApiComponentWP: unknown }
  const { createElement } = require('react') as { createElement(component: unknown, props: object): object }
  const { renderToString } = require('react-dom/server') as { renderToString(element: object): string }
  const part = (name: string): string =>
    readFileSync(require.resolve(`@asyncapi/react-component/${name}`), 'utf8').replaceAll('</script', '<\\/script')
  const parsed = stringify(document) ?? ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info().title()}</title>
<style>${part('styles/default.min.css')}
body { margin: 0 }
.aui-root pre { white-space: pre-wrap; overflow-wrap: anywhere }
.aui-root .panel--center { min-width: 0 }
.aui-root .sidebar { flex-shrink: 0 }
</style>
</head>
<body>
<div id="asyncapi">${renderToString(createElement(AsyncApiComponentWP, { schema: document, config }))}</div>
<script>${part('browser/standalone/without-parser.js')}</script>
<script>AsyncApiStandalone.hydrate({ schema: ${scripted(parsed)}, config: ${scripted(config)} }, document.getElementById('asyncapi'))</script>
</body>
</html>
`
}

const config = { show: { sidebar: true, errors: false }, expand: { messageExamples: true } }

/** A value as an expression within a script of a page. */
function scripted(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
