// nats-server from the release archive that its project publishes, with the SHA-256 that it publishes beside it. For
// machines without Debian's archive. Only the one file that is wanted is taken out of the archive.

import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { promisify } from "node:util"
import type { Progress } from "./progress.js"

/** The release that Drydock is tested with. */
const RELEASE = "2.15.1"
const RELEASES = "https://github.com/nats-io/nats-server/releases/download"

const SYSTEMS: { readonly [platform: string]: string } = { linux: "linux", darwin: "darwin" }
const PROCESSORS: { readonly [arch: string]: string } = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm7",
  ia32: "386",
}

/** No answer, or no byte, for this long: given up. Milliseconds. */
const STALL_MS = 60_000
const LARGEST_BYTES = 200_000_000

export interface ReleaseSource {
  /** The folder of the release; `SHA256SUMS` lies in it. */
  readonly base: string
  /** `nats-server-v2.15.1-linux-amd64`: the archive without `.tar.gz`, and the folder inside it. */
  readonly name: string
}

/** Undefined for a system that no archive is published for. */
export function releaseSource(
  platform: string = process.platform,
  arch: string = process.arch,
  releases: string = RELEASES,
): ReleaseSource | undefined {
  const system = SYSTEMS[platform]
  const processor = PROCESSORS[arch]
  if (system === undefined || processor === undefined) return undefined
  return { base: `${releases}/v${RELEASE}`, name: `nats-server-v${RELEASE}-${system}-${processor}` }
}

/** Resolves to the path of the binary below `workDir`. Throws Error: not reachable, not there, wrong checksum. */
export async function unpackRelease(
  source: ReleaseSource,
  workDir: string,
  onProgress: Progress,
): Promise<string> {
  const file = `${source.name}.tar.gz`
  onProgress({ stage: "fetching", what: `Fetching ${file} from ${source.base}` })
  const expected = publishedChecksum(await (await get(`${source.base}/SHA256SUMS`)).text(), file)
  if (expected === undefined) throw new Error(`${source.base}/SHA256SUMS does not list ${file}.`)

  const archive = join(workDir, file)
  const actual = await download(`${source.base}/${file}`, archive, (bytes, total) => {
    const size = total === undefined ? { bytes } : { bytes, share: bytes / total }
    onProgress({ stage: "downloading", what: "nats-server", ...size })
  })
  if (actual !== expected) {
    throw new Error(
      `The checksum of ${file} is wrong: ${actual}, published is ${expected}. It was thrown away.`,
    )
  }
  await promisify(execFile)("tar", ["-xzf", archive, "-C", workDir, `${source.name}/nats-server`])
  return join(workDir, source.name, "nats-server")
}

/** The checksum of a file in the format of sha256sum(1). */
export function publishedChecksum(sums: string, file: string): string | undefined {
  for (const line of sums.split("\n")) {
    const [, sum, name] = /^([0-9a-fA-F]{64})\s+[*]?(\S+)\s*$/.exec(line) ?? []
    if (name === file) return sum?.toLowerCase()
  }
  return undefined
}

/** Resolves to the SHA-256 of what was written, in hex. */
async function download(
  url: string,
  file: string,
  onBytes: (bytes: number, total: number | undefined) => void,
): Promise<string> {
  const stalled = new AbortController()
  const giveUp = () => stalled.abort(new Error(`${url} sent nothing for ${STALL_MS / 1000} s.`))
  let timer = setTimeout(giveUp, STALL_MS)
  try {
    const response = await get(url, stalled.signal)
    if (response.body === null) throw new Error(`${url} answered without a body.`)
    const length = Number(response.headers.get("content-length") ?? Number.NaN)
    const total = Number.isSafeInteger(length) && length > 0 ? length : undefined
    const hash = createHash("sha256")
    let bytes = 0
    await pipeline(
      Readable.fromWeb(response.body),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          clearTimeout(timer)
          timer = setTimeout(giveUp, STALL_MS)
          bytes += chunk.length
          if (bytes > LARGEST_BYTES) throw new Error(`${url} is larger than ${LARGEST_BYTES} bytes.`)
          hash.update(chunk)
          onBytes(bytes, total)
          yield chunk
        }
      },
      createWriteStream(file),
      { signal: stalled.signal },
    )
    return hash.digest("hex")
  } finally {
    clearTimeout(timer)
  }
}

async function get(url: string, signal: AbortSignal = AbortSignal.timeout(STALL_MS)): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal, redirect: "follow" })
  } catch (error) {
    // fetch() hides the reason in the cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new Error(`${url} cannot be reached: ${cause}`, { cause: error })
  }
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`)
  return response
}
