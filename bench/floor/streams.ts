// The two streams as the yard has them (rule 17), for the floor.

import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream"
import { connect } from "nats"

/** Makes COMMANDS and JOURNAL of yard `default` in the host's account. */
export async function makeStreams(url: string, user: string, pass: string): Promise<void> {
  const nc = await connect({ servers: url, user, pass })
  const jsm = await jetstreamManager(nc)
  await jsm.streams.add({
    name: "DRYDOCK_DEFAULT_COMMANDS",
    subjects: ["drydock.default.command.*.*.*.*", "drydock.default.internal.*.*.*.*"],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    storage: StorageType.File,
    max_msgs: 200_000,
    max_msg_size: 68 * 1024,
  })
  await jsm.streams.add({
    name: "DRYDOCK_DEFAULT_JOURNAL",
    subjects: ["drydock.default.journal.*.*"],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    allow_atomic: true,
    republish: { src: "drydock.default.journal.>", dest: "drydock.default.event.>" },
  })
  await nc.close()
}
