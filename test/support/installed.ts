import { execFileSync } from 'node:child_process'

const found = new Map<string, string>()

/** The path of a program of the machine. Where root may do so, its Debian package is installed. @throws Error that says what to install */
export function installed(program: string, debianPackage: string, version = ''): string {
  const path = found.get(program) ?? find(program) ?? install(debianPackage) ?? find(program)
  if (path === undefined) {
    throw new Error(
      `These tests start ${program}${version}, which is not installed: apt-get install ${debianPackage}`,
    )
  }
  found.set(program, path)
  return path
}

function find(program: string): string | undefined {
  try {
    return execFileSync('which', [program], {
      encoding: 'utf8',
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    }).trim()
  } catch {
    return undefined
  }
}

function install(debianPackage: string): undefined {
  if (process.getuid?.() !== 0) return
  const install = ['install', '-y', '--no-install-recommends', debianPackage]
  try {
    aptGet(install)
  } catch {
    try {
      // The lists may be older than the packages.
      aptGet(['update'])
      aptGet(install)
    } catch {
      // Not this kind of system, or no network: said by the caller.
    }
  }
}

function aptGet(args: readonly string[]): void {
  // Test files run side by side: without the wait, the second finds apt locked by the first and gives up.
  execFileSync('apt-get', ['-o', 'DPkg::Lock::Timeout=50', ...args], {
    stdio: 'ignore',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}
