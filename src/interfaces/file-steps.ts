// Steps on a FileDriver that need more than one request: replace whole, read with care, trees.

import { randomBytes } from "node:crypto"
import { posix } from "node:path"
import { HostError } from "./errors.js"
import type { FileDriver, FileStat, OpenFile } from "./file-driver.js"
import { fileError } from "./file-error.js"

const NEW_FILE_MODE = 0o644
/** Keeps the temporary name under 255 bytes. */
const NAME_CHARS = 50

/** Opens a file that is no directory, and closes it whatever happens. */
export async function readFrom(
  driver: FileDriver,
  path: string,
  use: (file: OpenFile, stat: FileStat) => Promise<void>,
): Promise<void> {
  const file = await driver.openToRead(path)
  try {
    const stat = await file.stat()
    if (stat.type === "directory") throw fileError("EISDIR", path, null)
    await use(file, stat)
  } finally {
    await file.close()
  }
}

/**
 * Fills a temporary file beside `path` and renames it over. A link stays a link: what it points to is replaced.
 * `mode`: of the new file; without, that of the file that is replaced, else `otherwise`.
 */
export async function replaceFile(
  driver: FileDriver,
  path: string,
  modes: { readonly mode: number | undefined; readonly otherwise: number | undefined },
  fill: (file: OpenFile) => Promise<void>,
): Promise<void> {
  const old = await statOrNull(driver, path)
  if (old?.type === "directory") throw fileError("EISDIR", path, null)
  const target = old === null ? path : await driver.realpath(path)
  const name = posix.basename(target).slice(0, NAME_CHARS)
  const temporary = posix.join(posix.dirname(target), `.${name}.drydock-${randomBytes(6).toString("hex")}`)
  const file = await create(driver, temporary, path)
  try {
    try {
      await fill(file)
      await file.chmod(modes.mode ?? old?.mode ?? modes.otherwise ?? NEW_FILE_MODE)
      await file.sync()
    } finally {
      await file.close()
    }
    await driver.rename(temporary, target)
  } catch (error) {
    await discard(driver, temporary)
    throw error
  }
}

/** Without following links. */
export async function removeTree(driver: FileDriver, path: string, recursive: boolean): Promise<void> {
  const { type } = await driver.lstat(path)
  if (type !== "directory") return driver.unlink(path)
  if (recursive) {
    if ((await driver.realpath(path)) === "/") {
      throw new HostError(
        "file-permission",
        "the root folder is not removed",
        "name the folder that you mean",
      )
    }
    for (const { name } of await driver.list(path)) await removeTree(driver, `${path}/${name}`, true)
  }
  await driver.rmdir(path)
}

/** Creates the folder and its parents; an existing one is fine. */
export async function makeTree(driver: FileDriver, path: string, mode: number | undefined): Promise<void> {
  const existing = await statOrNull(driver, path)
  if (existing?.type === "directory") return
  if (existing !== null) throw fileError("EEXIST", path, null)
  const parent = posix.dirname(path)
  if (parent !== path) await makeTree(driver, parent, undefined)
  try {
    await driver.mkdir(path, mode)
  } catch (error) {
    // Somebody else may have made it in the meantime.
    if (!(error instanceof HostError && error.code === "file-exists")) throw error
  }
}

async function create(driver: FileDriver, temporary: string, path: string): Promise<OpenFile> {
  try {
    return await driver.create(temporary)
  } catch (error) {
    if (!(error instanceof HostError && error.code === "file-not-found")) throw error
    throw new HostError(
      "file-not-found",
      `the folder of ${path} does not exist`,
      "create it first: mkdir with `recursive`",
      {
        cause: error,
      },
    )
  }
}

/** The error that led here is what counts; a temporary file that cannot be removed is left, as docs/interfaces.md says. */
async function discard(driver: FileDriver, temporary: string): Promise<void> {
  try {
    await driver.unlink(temporary)
  } catch (error) {
    if (!(error instanceof HostError)) throw error
  }
}

async function statOrNull(driver: FileDriver, path: string): Promise<FileStat | null> {
  try {
    return await driver.stat(path)
  } catch (error) {
    if (error instanceof HostError && error.code === "file-not-found") return null
    throw error
  }
}
