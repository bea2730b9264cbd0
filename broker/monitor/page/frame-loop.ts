/** Calls what draws, each at most so often, in the frames of a page that is looked at. */
export interface FrameLoop {
  /** Draws in the next frame and from then on; returns how to end that. */
  add(everyMs: number, draw: (nowMs: number) => void): () => void
}

interface Drawer {
  readonly everyMs: number
  readonly draw: (nowMs: number) => void
  dueMs: number
}

/**
 * One loop for the whole page. State is folded as messages come, whether the page is shown or not; a frame draws what is
 * newest then, so nothing ever waits in a line. Hidden pages get no frames; when shown again everything is due at once.
 */
export function createFrameLoop(): FrameLoop {
  const drawers = new Set<Drawer>()
  let asked = false

  const frame = (): void => {
    asked = false
    const nowMs = performance.now()
    for (const drawer of drawers) {
      // A frame that comes a little early for a drawer does not make it wait for another one.
      if (nowMs < drawer.dueMs - 4) continue
      drawer.dueMs = Math.max(nowMs, drawer.dueMs + drawer.everyMs)
      drawer.draw(nowMs)
    }
    ask()
  }
  const ask = (): void => {
    if (asked || drawers.size === 0 || document.visibilityState === 'hidden') return
    asked = true
    requestAnimationFrame(frame)
  }
  document.addEventListener('visibilitychange', () => {
    for (const drawer of drawers) drawer.dueMs = 0
    ask()
  })

  return {
    add(everyMs, draw) {
      const drawer = { everyMs, draw, dueMs: 0 }
      drawers.add(drawer)
      ask()
      return () => drawers.delete(drawer)
    },
  }
}
