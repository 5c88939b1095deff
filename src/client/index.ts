// The package's public surface: what `import … from "drydock"` gives.

export { DrydockError } from "../actors/error.js"
export type { Kind } from "../machines/names.js"
export type {
  BlueprintRecord,
  DeviceRecord,
  LeaseRecord,
  RecordOf,
  ResourceRecord,
  ServiceRecord,
  YardRecord,
} from "../machines/record.js"
export type {
  Answers,
  CommandRow,
  Difference,
  ListFilter,
  QueryName,
  Questions,
  SlotRow,
  StatusAnswer,
  WhyAnswer,
} from "./answers.js"
export { connect } from "./connect.js"
export type {
  AttachOptions,
  CallOptions,
  ConnectOptions,
  Drydock,
  Duration,
  JournalEvent,
  Lease,
  LeaseOptions,
  LeaseWarning,
  Term,
  WatchOptions,
} from "./drydock.js"
export {
  ClientError,
  type ErrorKind,
  isClientError,
  LeaseLostError,
  RejectedError,
  UndecidedError,
} from "./errors.js"
export { newLeaseId } from "./ids.js"
export { LOG_TYPES } from "./log/entries.js"
export type { LogEntry } from "./log/entry.js"
export type { LogOptions } from "./log/read-log.js"
export type { Outcome } from "./outcomes.js"
export type { RunCommandOptions, RunResult } from "./run.js"
export { asDuration } from "./term.js"
