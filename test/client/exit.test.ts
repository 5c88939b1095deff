// A program that uses the built package ends by itself: no timer of a lease, a renewal or a watch keeps it alive.
// `npm test` builds before; without a build there is nothing to test here.

import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { connect } from "../../src/client/index.js"
import { startTestYard } from "../support/yard.js"
import { makePool } from "./pool.js"

const built = join(import.meta.dirname, "../../dist/client/index.js")
let yard: Awaited<ReturnType<typeof startTestYard>>

beforeAll(async () => {
  yard = await startTestYard()
  const setUp = await connect({ url: yard.server.url })
  await makePool(setUp, 1, 1)
  await setUp.close()
})

afterAll(() => yard?.stop())

const program = `
import { connect } from ${JSON.stringify(built)}
const yard = await connect({ principal: "alice" })
const lease = await yard.lease({ type: "host", ttl: "1h", id: "alice_" + process.argv[1] })
const watching = yard.watch()[Symbol.asyncIterator]().next()
watching.catch(console.error)
if (process.argv[1] === "released") await lease.release()
await yard.close()
console.log("closed")
`

test.runIf(existsSync(built)).each(["released", "held"])(
  "a program ends after close, its lease %s",
  async (how) => {
    const env = { ...process.env, DRYDOCK_NATS_URL: yard.server.url }
    const args = ["--input-type=module", "--eval", program, how]
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 20_000 })
    expect(stdout).toBe("closed\n")
  },
)
