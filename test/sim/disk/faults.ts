import { pickByWeight } from '../faults.js'
import type { Random } from '../random.js'
import { GOOD_SYNC_MS, type ModelDisk } from './model-disk.js'
import type { DiskTrait } from './traits.js'

/** What a fault can act on. */
export interface DiskTargets {
  readonly disk: ModelDisk
  after(ms: number, task: () => void): void
  log(event: string): void
  killThread(when: 'now' | 'after a commit'): void
  killProcess(downMs: number): void
  cutPower(downMs: number): void
  backUp(): void
  restore(downMs: number): void
}

type Strike = (targets: DiskTargets, size: number) => void

/** Each with its weight, and the trait of the worlds in which it happens; `size` in [0, 1) is its severity. */
const FAULTS: readonly (readonly [weight: number, trait: DiskTrait | 'any', name: string, strike: Strike])[] =
  [
    [8, 'any', 'the process is killed', ({ killProcess }, size) => killProcess(100 + size * 4_000)],
    [12, 'power cuts', 'the power is cut', ({ cutPower }, size) => cutPower(500 + size * 4_000)],
    [6, 'thread crashes', 'the thread crashes', ({ killThread }) => killThread('now')],
    [
      6,
      'thread crashes',
      'the thread crashes after a commit',
      ({ killThread }) => killThread('after a commit'),
    ],
    [6, 'sick', 'the disk is slow', slowDown],
    [6, 'sick', 'the disk is full', fill],
    [4, 'sick', 'the disk writes nothing', breakDown],
    [3, 'sick', 'the file is moved away', moveAway],
    [6, 'sick', 'the disk fails to sync', failToSync],
    [3, 'sick', 'the disk fails to sync, and the process is killed', failAndDie],
    [3, 'sick', 'the disk fails to sync, and the thread crashes', failAndCrash],
    [5, 'restored backups', 'a backup is made', ({ backUp }) => backUp()],
    [5, 'restored backups', 'the backup is restored', ({ restore }, size) => restore(100 + size * 4_000)],
  ]

/** Draws a fault that can happen with these traits; it strikes when the returned function is called. */
export function drawDiskFault(
  random: Random,
  traits: ReadonlySet<DiskTrait>,
): (targets: DiskTargets) => void {
  const possible = FAULTS.filter(([, trait]) => trait === 'any' || traits.has(trait))
  const [, , name, strike] = pickByWeight(possible, random.next())
  const size = random.next()
  return (targets) => {
    targets.log(`${name} (${size.toFixed(2)})`)
    strike(targets, size)
  }
}

function slowDown({ disk, after }: DiskTargets, size: number): void {
  disk.syncMs = [size * 100, size * 2_000]
  after(size * 10_000, () => {
    disk.syncMs = GOOD_SYNC_MS
  })
}

function fill({ disk, after }: DiskTargets, size: number): void {
  disk.isFull = true
  after(size * 8_000, () => {
    disk.isFull = false
  })
}

function breakDown({ disk, after }: DiskTargets, size: number): void {
  disk.isBroken = true
  after(size * 4_000, () => {
    disk.isBroken = false
  })
}

function moveAway({ disk, after }: DiskTargets, size: number): void {
  disk.isMoved = true
  after(size * 4_000, () => {
    disk.isMoved = false
  })
}

function failToSync({ disk }: DiskTargets, size: number): void {
  disk.failingSyncs = 1 + Math.floor(size * 3)
}

function failAndDie(targets: DiskTargets, size: number): void {
  failToSync(targets, size)
  targets.after(size * 1_500, () => targets.killProcess(500))
}

function failAndCrash(targets: DiskTargets, size: number): void {
  failToSync(targets, size)
  targets.after(size * 1_500, () => targets.killThread('now'))
}
