// The passwords of host and workers: random per store, readable by its owner only. Each begins with a letter, for the
// parser of nats.conf takes what it reads from the environment as a value of its own syntax, numbers included.

import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { chmod, link, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DrydockError } from "../../actors/error.js"

/** 32 random bytes in hex behind a letter. */
export function secret(): string {
  return `p${randomBytes(32).toString("hex")}`
}

const PATTERN = /^p[0-9a-f]{64}$/

/** The store's password for a user, if it has one. Throws DrydockError `bad-password-file`. */
export async function knownPassword(storeDir: string, user: "host" | "worker"): Promise<string | undefined> {
  return existsSync(join(storeDir, `${user}.password`)) ? await storePassword(storeDir, user) : undefined
}

/** Reads the store's password for a user, and makes one when it has none. Throws DrydockError `bad-password-file`. */
export async function storePassword(storeDir: string, user: "host" | "worker"): Promise<string> {
  const file = join(storeDir, `${user}.password`)
  if (!existsSync(file)) {
    const mine = `${file}.${process.pid}`
    await rm(mine, { force: true })
    await writeFile(mine, `${secret()}\n`, { mode: 0o600, flag: "wx" })
    try {
      await link(mine, file)
    } catch (error) {
      // Another process was faster: its password counts.
      if (!existsSync(file)) throw error
    } finally {
      await rm(mine, { force: true })
    }
  }
  await chmod(file, 0o600)
  const password = (await readFile(file, "utf8")).trim()
  if (PATTERN.test(password)) return password
  throw new DrydockError(
    "bad-password-file",
    `${file} does not hold the password of the ${user}.`,
    "Delete this file while nothing runs on the store; the next start makes a new one.",
  )
}
