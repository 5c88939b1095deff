import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const ROOT = new URL("../../", import.meta.url)

/** The version in package.json. */
export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"))
  return typeof parsed === "object" && parsed !== null && "version" in parsed
    ? String(parsed.version)
    : "unknown"
}

/** Absolute path of a file of the package. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT))
}
