/**
 * How large the heap of a process on a small board may grow. V8 lets young objects take 48 MB by default before it looks
 * twice; with 1 MB per semi-space a device needs 40 MB less, and collecting more often costs no time to speak of.
 */
const semiSpaceMb = 1
/** Parameters and samples live outside this heap, in typed arrays. */
const oldSpaceMb = 64

/** For a thread; V8 counts three semi-spaces. */
export const boundedThread = { maxYoungGenerationSizeMb: 3 * semiSpaceMb, maxOldGenerationSizeMb: oldSpaceMb }

/** Arguments of node, for a process: they cannot be set any more once it runs. */
export const boundedArguments = [`--max-semi-space-size=${semiSpaceMb}`, `--max-old-space-size=${oldSpaceMb}`]

/**
 * For a process too: glibc gives each of V8's threads an arena of its own and keeps what their compilations let go of, so
 * all share one. Only read when a process begins.
 */
export const boundedEnvironment = { MALLOC_ARENA_MAX: '1' }

/** Whether this process was started with such a heap. */
export function isBounded(): boolean {
  return process.execArgv.some((argument) => argument.startsWith('--max-semi-space-size'))
}
