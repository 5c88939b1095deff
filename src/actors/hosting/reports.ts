// What a host says about itself, as data: the CLI prints it, a log keeps it, tests wait for it.

export type Report =
  | { readonly event: "role"; readonly role: "active" | "standby"; readonly why: string }
  | {
      readonly event: "recovered"
      readonly actors: number
      readonly journal: number
      readonly cursor: number
      /** Of fencing tokens, by the yard's own record. */
      readonly generation: number
      readonly ms: number
    }
  /** A message in the journal that is no record: somebody wrote there who may not. */
  | { readonly event: "void-record"; readonly seq: number; readonly subject: string; readonly why: string }
  /** COMMANDS was shorter than the journal knows: commands were lost, and the stream was moved forward. */
  | { readonly event: "commands-lost"; readonly lastSeq: number; readonly cursor: number }
  /** The journal ends before what was known to be stored: this host serves nothing. */
  | {
      readonly event: "journal-shortened"
      readonly ends: number
      readonly known: number
      readonly proof: string
    }
  /** An append was refused or its fate is unknown: memory is dropped and read back. */
  | { readonly event: "reload"; readonly why: string }
  | { readonly event: "storage-full"; readonly why: string }
  | { readonly event: "storage-back" }
  /** The stream's time ran ahead of elapsed time: nothing is decided until the host is restarted. */
  | { readonly event: "clock-jump"; readonly aheadMs: number }
  | { readonly event: "queue-raised"; readonly maxMessages: number }
  | { readonly event: "internal-fault"; readonly command: number; readonly fault: unknown }
  | { readonly event: "trouble"; readonly doing: string; readonly fault: unknown }

export type Reporter = (report: Report) => void
