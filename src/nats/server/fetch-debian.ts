// nats-server from Debian's own archive, for machines that run Debian. Their stable suites are too old, so it comes
// from *forky*, through the mirror that the machine uses already. apt works in a folder of ours (lists, cache, source
// list, preferences), so nothing of the machine's changes and root is not needed; the machine's proxies and mirror
// passwords still count. apt refuses what the Debian keyring did not sign.

import { execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Progress } from "./progress.js"

export interface DebianSource {
  /** The machine's mirror, for example `https://mirror.example/debian/`. */
  readonly mirror: string
  readonly keyring: string
}

const SUITE = "forky"
const KEYRINGS = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/debian-archive-keyring.pgp",
]

/** Undefined where it cannot work: no apt, another distribution, no keyring, no mirror. */
export async function debianSource(): Promise<DebianSource | undefined> {
  const keyring = KEYRINGS.find((file) => existsSync(file))
  if (keyring === undefined) return undefined
  try {
    await promisify(execFile)("dpkg-deb", ["--version"])
    const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : ""
    const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1]
    const mirror =
      debianMirror(await indexTargets([]), codename) ??
      debianMirror(await indexTargets(["--no-release-info"]), codename)
    return mirror === undefined ? undefined : { mirror, keyring }
  } catch {
    // No apt-get or dpkg-deb, or one that fails: this is not the way on this machine.
    return undefined
  }
}

async function indexTargets(options: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("apt-get", ["indextargets", ...options], {
    env: plainEnvironment(),
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

/**
 * The mirror of Debian itself in what `apt-get indextargets` prints. Of a machine whose lists were fetched it tells
 * `Origin` and `Label`. In a fresh container it prints nothing unless asked with `--no-release-info`; then the suite
 * of the machine's own release has to do, and a repository of somebody else may have the same: `/debian` is preferred.
 * (A wrong guess does no harm, apt refuses its signature.)
 */
export function debianMirror(indexTargets: string, codename: string | undefined): string | undefined {
  const targets = indexTargets
    .split(/\n\s*\n/)
    .map(
      (stanza) =>
        new Map([...stanza.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, key, value]) => [key, value])),
    )
  const usable = targets.filter((target) => target.get("Created-By") === "Packages")
  const known = usable.filter(
    (target) => target.get("Origin") === "Debian" && target.get("Label") === "Debian",
  )
  const guessed = usable.filter((target) => !target.has("Origin") && target.get("Release") === codename)
  const mirrors = [...known, ...guessed]
    .map((target) => target.get("Repo-URI"))
    .filter((uri) => uri !== undefined && !uri.startsWith("cdrom:"))
  return mirrors.find((uri) => /\/debian\/?$/.test(uri ?? "")) ?? mirrors[0]
}

/** Resolves to the path of the binary below `workDir`. Throws Error with what apt said. */
export async function unpackFromDebian(
  source: DebianSource,
  workDir: string,
  onProgress: Progress,
): Promise<string> {
  const lists = join(workDir, "lists")
  const cache = join(workDir, "cache")
  const sources = join(workDir, "sources.list")
  const config = join(workDir, "apt.conf")
  await mkdir(join(lists, "partial"), { recursive: true })
  await mkdir(join(cache, "archives", "partial"), { recursive: true })
  await writeFile(sources, `deb [signed-by=${source.keyring}] ${source.mirror} ${SUITE} main\n`)
  await writeFile(config, aptConfig({ lists, cache, sources }))

  onProgress({ stage: "fetching", what: `Fetching nats-server from Debian ${SUITE} (${source.mirror})` })
  await aptGet(["-c", config, "update"], workDir, share(onProgress, "package lists"))
  await aptGet(["-c", config, "download", "nats-server"], workDir, share(onProgress, "nats-server"))
  const deb = (await readdir(workDir)).find((file) => file.endsWith(".deb"))
  if (deb === undefined) throw new Error("apt-get download left no package.")
  await promisify(execFile)("dpkg-deb", ["-x", join(workDir, deb), join(workDir, "unpacked")])
  return join(workDir, "unpacked", "usr", "sbin", "nats-server")
}

function aptConfig(paths: { lists: string; cache: string; sources: string }): string {
  return `Dir::State::Lists "${paths.lists}";
Dir::Cache "${paths.cache}";
Dir::Cache::archives "archives";
Dir::Etc::sourcelist "${paths.sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
// Our folders are ours: as root apt would otherwise become a user who cannot write there.
APT::Sandbox::User "root";
// Whatever this machine allows: an unsigned list or package is refused.
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Status-Fd "3";
// What the machine does after its own updates is not wanted after ours.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`
}

function share(onProgress: Progress, what: string): (share: number) => void {
  return (done) => onProgress({ stage: "downloading", what, share: done })
}

/** Runs it and reads its progress from descriptor 3: `dlstatus:<item>:<percent>:<text>`. */
async function aptGet(args: readonly string[], cwd: string, onShare: (share: number) => void): Promise<void> {
  const child = spawn("apt-get", args, {
    cwd,
    env: plainEnvironment(),
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4_096)
    })
  }
  child.stdio[3]?.on("data", (chunk: Buffer) => {
    const percent = [...chunk.toString("utf8").matchAll(/^dlstatus:\d+:([\d.]+):/gm)].at(-1)?.[1]
    if (percent !== undefined) onShare(Number(percent) / 100)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  })
  if (code === 0) return
  const problems = said.split("\n").filter((line) => /^[EW]:/.test(line))
  throw new Error(
    `apt-get ${args.at(-1)} ended with ${code}: ${(problems.length > 0 ? problems : [said]).join(" ")}`,
  )
}

function plainEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" }
}
