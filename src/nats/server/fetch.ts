// Fetches a nats-server into a folder of the project, without root. Two ways, in this order: the machine's own Debian
// mirror (apt checks the signature), the release archive of the nats-server project (its published checksum is
// checked). Each works in a folder of its own and ends with a rename, so fetches at the same time do not meet, and a
// broken one leaves nothing behind that looks like a server.

import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { DrydockError } from "../../actors/error.js"
import { debianSource, unpackFromDebian } from "./fetch-debian.js"
import { releaseSource, unpackRelease } from "./fetch-release.js"
import { fetchedServer } from "./place.js"
import type { Progress } from "./progress.js"
import { INSTALL_CURE } from "./version.js"

const WORK_PREFIX = "fetch-"

/** One way to come by a server. */
export interface FetchWay {
  /** `Debian forky`: for messages. */
  readonly name: string
  /** Puts the binary somewhere below `workDir` and resolves to its path. */
  readonly unpack: (workDir: string, onProgress: Progress) => Promise<string>
}

/** The ways that this machine has. */
async function fetchWays(): Promise<readonly FetchWay[]> {
  const ways: FetchWay[] = []
  const debian = await debianSource()
  if (debian !== undefined) {
    ways.push({ name: "Debian forky", unpack: (work, progress) => unpackFromDebian(debian, work, progress) })
  }
  const release = releaseSource()
  if (release !== undefined) {
    ways.push({
      name: "the release archive",
      unpack: (work, progress) => unpackRelease(release, work, progress),
    })
  }
  return ways
}

/**
 * Resolves to the path of the fetched binary, below `folder`.
 * Throws DrydockError `server-missing` when no way leads to one; its message gives every way's reason.
 */
export async function fetchServer(
  folder: string,
  onProgress: Progress,
  ways?: readonly FetchWay[],
): Promise<string> {
  const target = fetchedServer(folder)
  await mkdir(dirname(target), { recursive: true })
  await removeAbandoned(folder)
  const reasons: string[] = []
  for (const way of ways ?? (await fetchWays())) {
    const work = await mkdtemp(join(folder, WORK_PREFIX))
    try {
      const binary = await way.unpack(work, onProgress)
      await chmod(binary, 0o755)
      await rename(binary, target)
      return target
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      onProgress({ stage: "fetch-failed", what: `nats-server from ${way.name}`, reason })
      reasons.push(`From ${way.name}: ${reason}`)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
  throw new DrydockError(
    "server-missing",
    ["No nats-server was found and none could be fetched.", ...reasons].join("\n"),
    INSTALL_CURE,
  )
}

const ABANDONED_MS = 60 * 60 * 1000

/** What fetches left that were killed. One that still runs is younger. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(WORK_PREFIX)) continue
    const path = join(folder, name)
    const begun = await stat(path).then(
      (facts) => facts.mtimeMs,
      // Just now removed by the fetch that it belonged to.
      () => undefined,
    )
    if (begun !== undefined && Date.now() - begun > ABANDONED_MS) {
      await rm(path, { recursive: true, force: true })
    }
  }
}
