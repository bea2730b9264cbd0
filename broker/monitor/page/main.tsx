import { render } from 'preact'
import { type MonitorConfig, validateMonitorConfig } from '../../../schemas/monitor-config.ts'
import { follow } from '../follow.ts'
import { App } from './app.tsx'
import { connect } from './connection.ts'
import { createFrameLoop } from './frame-loop.ts'
import { type Tools, ToolsContext } from './hooks.ts'
import { createPageState, hearConnected, hearPage } from './model/page-state.ts'
import { createOperator } from './operator.ts'
import './style/app.css'
import { createTheme } from './theme.ts'

/** Reads which fleet is shown, connects and draws. */
async function start(root: HTMLElement): Promise<void> {
  const theme = createTheme()
  let config: MonitorConfig
  try {
    config = await readConfig()
  } catch (error) {
    render(
      <main class="failure">
        <h1>This page cannot start</h1>
        <p>{(error as Error).message}</p>
      </main>,
      root,
    )
    return
  }
  document.title = `trustmix ${config.fleet}`
  const page = createPageState(config.fleet)
  const connection = connect(config.websocket ?? ownWebSocket(), () => hearConnected(page, performance.now()))
  follow(connection.inbox.add, config.fleet, (heard) => hearPage(page, heard, performance.now()))
  connection.inbox.onRefused(() => page.refused++)
  const tools: Tools = {
    ...{ config, page, connection, theme },
    operator: createOperator(page, connection),
    loop: createFrameLoop(),
  }
  render(
    <ToolsContext.Provider value={tools}>
      <App />
    </ToolsContext.Provider>,
    root,
  )
}

async function readConfig(): Promise<MonitorConfig> {
  const response = await fetch('config.json', { cache: 'no-store' })
  if (!response.ok) throw new Error(`config.json must be served beside this page, got ${response.status}`)
  const checked = validateMonitorConfig(await response.json())
  if (!checked.ok) throw new Error(`config.json: ${checked.detail}`)
  return checked.value
}

function ownWebSocket(): string {
  const url = new URL('mqtt', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  return url.href
}

const root = document.getElementById('page')
if (root) void start(root)
