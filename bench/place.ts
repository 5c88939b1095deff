import { fileURLToPath } from "node:url"

/** The project's folder. This file runs as dist-bench/bench/place.js. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url))

/** A compiled file of the benchmark, by its path below bench/. */
export function benchFile(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
