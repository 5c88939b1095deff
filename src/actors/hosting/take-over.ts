// The first thing that a new owner says: it fences the host before, with its record, and tells the time of the stream.

import { internalSubject } from "../../machines/subjects.js"
import { CAUSE_HEADER, generationOf, type Yard } from "../kernel/index.js"
import { type Log, LogError } from "../log/log.js"
import type { Effects } from "./effects.js"
import type { StreamClock } from "./stream-clock.js"
import { encode } from "./wire.js"

/** Nothing may have been decided since the yard was read back. Throws LogError. */
export async function takeOver(
  log: Log,
  effects: Pick<Effects, "say">,
  streamClock: Pick<StreamClock, "observe">,
  yard: Yard,
  host: string,
): Promise<void> {
  const { name } = yard
  const body = { host, generation: generationOf(yard) }
  const cause = `${yard.journal}.take-over`
  try {
    const subject = internalSubject(name, "yard", name, "take-over", "system")
    await log.send(subject, encode(body), { [CAUSE_HEADER]: cause })
  } catch (error) {
    if (!(error instanceof LogError) || error.fault !== "queue-full") throw error
    // A backlog that came while nobody served. Reading makes room (rule 17), so it must not wait for this.
    void effects.say({ kind: "yard", id: name, verb: "take-over", sender: "system", body }, cause)
  }
  const { lastSeq } = await log.commandFacts()
  for await (const message of log.commands(lastSeq)) streamClock.observe(message.timestampMs)
}
