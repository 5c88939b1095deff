// One live yard per store folder. Two nats-servers on one folder would destroy it, and nats-server itself does not look.
//
// The lock is a file `lock.<number>` that names its owner. The file with the highest number counts. It is created with
// its content at once (a link), which only one process can do for a number, and the highest is never removed: an owner
// that is done replaces the content, and whoever finds a dead or finished owner creates the next number. So there is
// no moment in which two takers of a stale lock both succeed, which removing a stale file would have.
// It works between processes of one machine, not between machines that share a disk.

import { link, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DrydockError } from "../../actors/error.js"
import { errorCode, processFacts } from "./identity.js"

export interface StoreLock {
  /** May be called twice. */
  release(): Promise<void>
}

interface Owner {
  readonly pid: number
  readonly startedAt: string
}

const NAME = /^lock\.(\d{1,15})$/

/** Throws DrydockError `store-in-use` when another live process holds the folder. A dead one's lock is taken over. */
export async function lockStore(storeDir: string): Promise<StoreLock> {
  const me = await processFacts(process.pid)
  const startedAt = me === undefined || me === "unknown" ? "unknown" : me.startedAt
  const content = JSON.stringify({ pid: process.pid, startedAt } satisfies Owner)
  for (;;) {
    const newest = (await lockNumbers(storeDir)).at(-1) ?? 0
    const owner = newest === 0 ? undefined : await readOwner(lockFile(storeDir, newest))
    if (owner !== undefined && (await isAlive(owner))) throw inUse(storeDir, owner)
    const mine = lockFile(storeDir, newest + 1)
    if (!(await createWhole(mine, content))) continue
    const numbers = await lockNumbers(storeDir)
    if (numbers.at(-1) !== newest + 1) {
      // Somebody was two numbers ahead while we looked, and removed the one between.
      await rm(mine, { force: true })
      continue
    }
    for (const number of numbers.slice(0, -1)) await rm(lockFile(storeDir, number), { force: true })
    let released: Promise<void> | undefined
    return {
      release() {
        released ??= replace(mine, JSON.stringify({ released: true }))
        return released
      },
    }
  }
}

function lockFile(storeDir: string, number: number): string {
  return join(storeDir, `lock.${number}`)
}

/** Ascending. */
async function lockNumbers(storeDir: string): Promise<number[]> {
  const numbers = (await readdir(storeDir)).flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number)
  return numbers.sort((a, b) => a - b)
}

/** Undefined: released, or removed by a newer owner. */
async function readOwner(file: string): Promise<Owner | undefined> {
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined
    throw error
  }
  const [, pid, startedAt] = /^\{"pid":(\d+),"startedAt":"([^"]*)"\}$/.exec(text) ?? []
  return pid === undefined || startedAt === undefined ? undefined : { pid: Number(pid), startedAt }
}

async function isAlive(owner: Owner): Promise<boolean> {
  const facts = await processFacts(owner.pid)
  if (facts === undefined) return false
  return facts === "unknown" || owner.startedAt === "unknown" || facts.startedAt === owner.startedAt
}

/** False when the file is there already. */
async function createWhole(file: string, content: string): Promise<boolean> {
  const draft = `${file}.${process.pid}.${crypto.randomUUID()}`
  await writeFile(draft, content)
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function replace(file: string, content: string): Promise<void> {
  const draft = `${file}.${process.pid}.${crypto.randomUUID()}`
  await writeFile(draft, content)
  await rename(draft, file)
}

function inUse(storeDir: string, owner: Owner): DrydockError {
  const who =
    owner.pid === process.pid ? `this process (pid ${owner.pid})` : `the process with pid ${owner.pid}`
  return new DrydockError(
    "store-in-use",
    `The store ${storeDir} is in use by ${who}.`,
    `Use the yard that runs there, end it (kill ${owner.pid}), or choose another folder (--store DIR).`,
  )
}
