#!/usr/bin/env node
// The command. In a checkout that was not built yet it builds once, so that `npx drydock` works right after `npm ci`;
// an installed package is always built.

import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const main = new URL("../dist/cli/main.js", import.meta.url)
if (!existsSync(main) && existsSync(`${root}tsconfig.build.json`)) {
  process.stderr.write("building drydock (once) …\n")
  const built = spawnSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", 2, 2] })
  if (built.status !== 0) {
    process.stderr.write("error  the build failed\n  do   run `npm ci && npm run build` in the checkout\n")
    process.exit(70)
  }
}
await import(main.href)
