import { spawn } from "node:child_process"
import { expect, test } from "vitest"
import { processFacts } from "../../../src/nats/server/identity.js"

/** A child that has ended and whose parent does not ask: its pid still answers to `kill`. */
async function zombie(): Promise<{ pid: number; end: () => void }> {
  const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  })
  const text = await new Promise<string>((resolve) =>
    parent.stdout.once("data", (chunk) => resolve(String(chunk))),
  )
  return { pid: Number(text), end: () => parent.kill("SIGKILL") }
}

test.runIf(process.platform === "linux")("a zombie is no process that runs: its store is free", async () => {
  const { pid, end } = await zombie()
  try {
    await expect.poll(() => processFacts(pid)).toBeUndefined()
    expect(() => process.kill(pid, 0)).not.toThrow()
  } finally {
    end()
  }
})

test("a process is known by when it started and by its arguments", async () => {
  const facts = await processFacts(process.pid)
  expect(facts).toMatchObject({ command: expect.stringContaining("node") })
  expect(await processFacts(process.pid)).toEqual(facts)
})
