import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const run = promisify(execFile)
const cache = fileURLToPath(new URL('../../node_modules/.cache/roomful', import.meta.url))
const unpacked = join(cache, 'chromium-147')

/** Starts CHROMIUM_PATH or, without it, the Chromium inside `@sparticuz/chromium`, which needs no system library. */
export async function launchChromium(): Promise<Browser> {
  const { executablePath, env } = await findChromium()
  return chromium.launch({ executablePath, env, args: flags(), chromiumSandbox: !isRoot() })
}

async function findChromium() {
  const ownPath = process.env.CHROMIUM_PATH
  if (ownPath) return { executablePath: ownPath, env: definedEnv() }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      'Set CHROMIUM_PATH to a Chrome or Chromium binary: the bundled one is for Linux on x64 only.',
    )
  }
  if (!existsSync(unpacked)) await unpack()
  return {
    executablePath: join(unpacked, 'chromium'),
    env: {
      ...definedEnv(),
      LD_LIBRARY_PATH: join(unpacked, 'al2023/lib'),
      FONTCONFIG_FILE: join(unpacked, 'fonts.conf'),
    },
  }
}

/** Unpacks aside and renames: two test files that start together never see half a binary. */
async function unpack(): Promise<void> {
  await mkdir(cache, { recursive: true })
  const aside = await mkdtemp(join(cache, 'unpacking-'))
  const script = `import('@sparticuz/chromium').then((module) => module.default.executablePath())`
  // The package unpacks into TMPDIR, and adds NSS and its other libraries only where it believes to be in a Lambda.
  const env = { ...process.env, TMPDIR: aside, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' }
  await run(process.execPath, ['--input-type=module', '-e', script], { cwd: cache, env })
  await writeFile(join(aside, 'fonts.conf'), fontsConf)
  try {
    await rename(aside, unpacked)
  } catch (cause) {
    await rm(aside, { recursive: true })
    if (!existsSync(unpacked)) throw cause
  }
}

/** The machine's fonts where there are any; the packed one keeps text visible on a bare machine. */
const fontsConf = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(unpacked, 'fonts')}</dir>
  <cachedir>${join(unpacked, 'fonts-cache')}</cachedir>
</fontconfig>
`

function flags(): string[] {
  return [
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-quic',
    '--no-first-run',
  ]
}

const isRoot = () => process.getuid?.() === 0

const definedEnv = () =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
