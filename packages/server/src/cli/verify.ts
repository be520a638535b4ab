import { isFine, toJson, toText } from '../verify/report.js'
import { type Progress, verify } from '../verify/verify.js'
import { readVerify, VERIFY_HELP } from './verify-settings.js'

/** Runs `roomful verify`; returns the exit code. @throws UsageError */
export async function runVerify(args: readonly string[]): Promise<number> {
  const settings = readVerify(args, process.env)
  if (!settings) {
    console.log(VERIFY_HELP)
    return 0
  }
  const { json } = settings
  const stop = new AbortController()
  const interrupt = () => {
    // The second time somebody does not want to wait for the report.
    if (stop.signal.aborted) process.exit(1)
    stop.abort()
  }
  process.on('SIGINT', interrupt)
  const isShown = !json && process.stderr.isTTY
  const report = await verify({
    ...settings,
    signal: stop.signal,
    ...(isShown && { progress: (progress: Progress) => process.stderr.write(`\r\x1b[K${lineOf(progress)}`) }),
  })
  process.off('SIGINT', interrupt)
  if (isShown) process.stderr.write('\r\x1b[K')
  console.log(json ? JSON.stringify(toJson(report), null, 2) : toText(report))
  return isFine(report) ? 0 : 1
}

function lineOf({ elapsedMs, totalMs, tally }: Progress): string {
  const { acked, cuts, halfOpen } = tally
  const [elapsed, total] = [elapsedMs, totalMs].map((ms) => Math.round(ms / 1_000))
  const time = elapsedMs < totalMs ? `${elapsed} of ${total} s` : 'reading the rooms again'
  return `${time}: ${acked} acknowledged, ${cuts} cut, ${halfOpen} half-open. Ctrl-C ends it`
}
