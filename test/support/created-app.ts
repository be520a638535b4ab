import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installDriver } from './driver.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const version = '0.0.0'

export const npmEnv = { ...process.env, npm_config_prefer_offline: 'true', NO_COLOR: '1' }

/** Runs npm. @throws Error that shows what it printed */
export async function npm(cwd: string, ...args: string[]): Promise<string> {
  try {
    return (await run('npm', args, { cwd, env: npmEnv })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`npm ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** A folder with the packed packages in `packed`, in which `npm create @roomful` makes apps. */
export class Creator {
  private constructor(readonly parent: string) {}

  static async pack(): Promise<Creator> {
    const creator = new Creator(await realpath(await mkdtemp(join(tmpdir(), 'roomful-create-'))))
    await mkdir(join(creator.parent, 'packed'))
    const workspaces = ['protocol', 'server', 'client', 'create'].flatMap((name) => [
      '-w',
      `packages/${name}`,
    ])
    await npm(root, 'pack', ...workspaces, '--pack-destination', join(creator.parent, 'packed'))
    return creator
  }

  packed(name: string): string {
    return join(this.parent, 'packed', `roomful-${name}-${version}.tgz`)
  }

  /** What `npm create @roomful` does, with the packed package in the place of the one on npm. */
  create(...args: string[]): Promise<string> {
    return npm(
      this.parent,
      'exec',
      '--yes',
      '--package',
      this.packed('create'),
      '--',
      'create-roomful',
      ...args,
    )
  }

  /**
   * The packages are taken from their tarballs, and the driver, which would be compiled, from the repository.
   * @throws Error for an app that names other versions of the packages
   */
  async install(folder: string, ...more: string[]): Promise<void> {
    const file = join(folder, 'package.json')
    const manifest = JSON.parse(await readFile(file, 'utf8'))
    for (const name of ['protocol', 'server', 'client']) {
      const named = manifest.dependencies[`@roomful/${name}`]
      if (named !== `^${version}`) throw new Error(`The app names @roomful/${name} ${named}`)
      manifest.dependencies[`@roomful/${name}`] = `file:${this.packed(name)}`
    }
    manifest.dependencies['better-sqlite3'] = undefined
    await writeFile(file, JSON.stringify(manifest))
    await npm(folder, 'install', '--no-audit', '--no-fund', ...more)
    await installDriver(folder)
  }

  remove(): Promise<void> {
    return rm(this.parent, { recursive: true, force: true })
  }
}
