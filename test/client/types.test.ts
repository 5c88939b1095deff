// What TypeScript says to a user of the library; checked by `npm run types`.

import { expectTypeOf, test } from "vitest"
import type { Drydock, Duration, LeaseRecord, ResourceRecord, WhyAnswer } from "../../src/client/index.js"

declare const yard: Drydock

test("reads know the kind that was asked for", () => {
  const reads = () => ({
    lease: yard.get("lease", "L1"),
    page: yard.list("resource"),
    each: yard.each("lease"),
    why: yard.query("why", { id: "L1" }),
  })
  expectTypeOf<ReturnType<typeof reads>["lease"]>().resolves.toExtend<LeaseRecord | undefined>()
  expectTypeOf<Awaited<ReturnType<typeof reads>["page"]>["items"][number]>().toExtend<ResourceRecord>()
  expectTypeOf<ReturnType<typeof reads>["each"]>().toExtend<AsyncIterable<LeaseRecord>>()
  expectTypeOf<ReturnType<typeof reads>["why"]>().resolves.toEqualTypeOf<WhyAnswer>()
})

test("run gives back what the function returns", () => {
  const run = () => yard.run({ type: "host" }, (lease) => lease.token)
  expectTypeOf(run).returns.resolves.toEqualTypeOf<number>()
})

test("a duration is a number with a unit", () => {
  expectTypeOf<"90s">().toExtend<Duration>()
  expectTypeOf<"soon">().not.toExtend<Duration>()
})
