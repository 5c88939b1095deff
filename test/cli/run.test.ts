import { spawnSync } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { EXAMPLE, startYard, type Yard } from "./drydock.js"

let yard: Yard

beforeAll(async () => {
  yard = await startYard()
  await yard.drydock(["apply", EXAMPLE])
})
afterAll(async () => {
  await yard.stop()
  await yard.remove()
})

const HOST = ["run", "--type", "host"] as const
const held = async () => (await yard.drydock(["ls", "-q"])).stdout.trim()

it("passes output and exit code on, and releases", async () => {
  const ended = await yard.drydock([...HOST, "--", "sh", "-c", "echo out; echo err >&2; exit 7"])
  expect(ended.stdout).toBe("out\n")
  expect(ended.stderr).toMatch(/^err$/m)
  expect(ended.code).toBe(7)
  expect(await held()).toBe("")
})

it("passes input on, byte for byte", async () => {
  const input = "first\n\u0000ü\n"
  expect((await yard.drydock([...HOST, "--", "cat"], { input })).stdout).toBe(input)
})

it("tells the program its lease, resource and token", async () => {
  const script = "echo $DRYDOCK_LEASE/$DRYDOCK_RESOURCE/$DRYDOCK_TOKEN/$DRYDOCK_FENCE/$DRYDOCK_YARD/$MORE"
  const { stdout } = await yard.drydock([...HOST, "--env", "MORE=1", "--", "sh", "-c", script])
  expect(stdout).toMatch(/^\S+_\S+\/\w+\/(\d+)\/\1\/default\/1\n$/)
})

it("gives each run a larger token", async () => {
  const token = async () =>
    Number((await yard.drydock([...HOST, "--", "sh", "-c", "echo $DRYDOCK_TOKEN"])).stdout)
  const first = await token()
  expect(await token()).toBeGreaterThan(first)
})

it.each([
  ["127 for a program that is not there", ["no-such-program"], 127],
  ["126 for one that cannot be executed", ["/etc/passwd"], 126],
  ["128 + n for one that a signal ended", ["sh", "-c", "kill -9 $$"], 137],
])("exits with %s", async (_, argv, code) => {
  expect((await yard.drydock([...HOST, "--", ...argv])).code).toBe(code)
})

it("keeps the lease alive while the program runs longer than its ttl", async () => {
  const ended = await yard.drydock([...HOST, "--ttl", "2s", "--", "sh", "-c", "sleep 5; echo done"])
  expect(ended).toMatchObject({ code: 0, stdout: "done\n" })
}, 30_000)

it("kills the program with all its children when the lease is lost: exit 79", async () => {
  const pids = join(yard.folder, "pids")
  const script = `sh -c 'trap "" TERM INT HUP; echo $$ >>"${pids}"; echo started; while :; do sleep 1; done' & wait`
  const running = yard.start([...HOST, "--json", "--", "sh", "-c", script])
  await running.line(/started/)
  await yard.drydock(["release", await held()])
  const ended = await running.ended
  expect(ended.code).toBe(79)
  expect(ended.stdout).toContain('"code":"lease-lost"')
  for (const pid of (await readFile(pids, "utf8")).trim().split("\n"))
    expect(isAlive(Number(pid))).toBe(false)
}, 30_000)

it("a suspended drydock does not leave its program running beside the next holder", async () => {
  const beats = join(yard.folder, "beats")
  const script = `echo started; while :; do date +%s%3N >"${beats}"; sleep 0.05; done`
  const first = yard.start([...HOST, "--ttl", "3s", "--", "sh", "-c", script])
  await first.line(/started/)
  const [lease = ""] = (await held()).split("\n")
  first.child.kill("SIGSTOP")
  const ended = yard.start(["watch", `lease/${lease}`, "--after", "0", "--json"])
  const over = JSON.parse(await ended.line(/"to":"destroyed"/))
  ended.child.kill("SIGINT")
  expect((await first.ended).code).toBe(137)
  expect(Number(await readFile(beats, "utf8"))).toBeLessThan(Date.parse(over.record.at))
}, 30_000)

it("passes Ctrl-C on, releases, and exits as the program did", async () => {
  const script = "trap 'echo interrupted; exit 5' INT; echo started; while :; do sleep 0.05; done"
  const running = yard.start([...HOST, "--", "sh", "-c", script])
  await running.line(/started/)
  running.child.kill("SIGINT")
  const ended = await running.ended
  expect(ended.stdout).toBe("started\ninterrupted\n")
  expect(ended.code).toBe(5)
  expect(await held()).toBe("")
})

it("says at once that a program has its interrupt, and ends one that ignores it at the second", async () => {
  const script = "trap '' INT; echo started; while :; do sleep 0.05; done"
  const running = yard.start([...HOST, "--", "sh", "-c", script])
  await running.line(/started/)
  running.child.kill("SIGINT")
  await running.line(
    /^the program got the interrupt; press Ctrl-C again to end it and release the lease$/,
    "stderr",
  )
  expect(await held()).not.toBe("")
  running.child.kill("SIGINT")
  expect((await running.ended).code).toBe(143)
  expect(await held()).toBe("")
})

it("ends a program of exec at the second interrupt too, and leaves the lease", async () => {
  const lease = (await yard.drydock(["lease", "--type", "host"])).stdout.trim()
  const script = "trap '' INT TERM; echo started; while :; do sleep 0.05; done"
  const running = yard.start(["exec", lease, "--", "sh", "-c", script])
  await running.line(/started/)
  running.child.kill("SIGINT")
  await running.line(/the program got the interrupt; .* end it; the lease stays yours/, "stderr")
  expect((await yard.drydock(["ls", "-q"])).stdout).toBe(`${lease}\n`)
  running.child.kill("SIGINT")
  expect((await running.ended).code).toBe(137)
  expect(await held()).toBe(lease)
  await yard.drydock(["release", lease])
})

it("stops a program that takes too long", async () => {
  const ended = await yard.drydock([...HOST, "--timeout", "300ms", "--", "sleep", "60"])
  expect(ended.code).toBe(1)
  expect(ended.stderr).toContain("error timed-out")
  expect(await held()).toBe("")
})

it("gives JSON lines under --json: what was leased, output, exit", async () => {
  const { stdout } = await yard.drydock([...HOST, "--json", "--", "sh", "-c", "echo hi; printf '\\377' >&2"])
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(events.map(({ event }) => event)).toEqual(
    expect.arrayContaining(["transition", "leased", "stdout", "exit"]),
  )
  expect(events).toContainEqual({ event: "stdout", text: "hi\n" })
  expect(events).toContainEqual({ event: "stderr", base64: "/w==" })
})

it("runs on a lease that is held already, and leaves it held", async () => {
  const lease = (await yard.drydock(["lease", "--type", "host"])).stdout.trim()
  const ended = await yard.drydock(["exec", lease, "--", "sh", "-c", "cat; exit 3"], { input: "in" })
  expect(ended).toMatchObject({ code: 3, stdout: "in" })
  expect(await held()).toBe(lease)
  await yard.drydock(["release", lease])
  const over = await yard.drydock(["exec", lease, "--", "true"])
  expect(over.code).toBe(1)
  expect(over.stderr).toContain("error lease-ended")
})

it("stops a program of exec when its lease ends", async () => {
  const lease = (await yard.drydock(["lease", "--type", "host"])).stdout.trim()
  const running = yard.start(["exec", lease, "--", "sh", "-c", "echo started; sleep 1000"])
  await running.line(/started/)
  await yard.drydock(["release", lease])
  expect((await running.ended).code).toBe(79)
})

/** A zombie is dead: in a container nobody may ever reap it. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })
  return stdout.trim() !== "" && !stdout.trim().startsWith("Z")
}
