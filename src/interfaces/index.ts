// What a leased host can do, for programs: `import { connectHost, hostTarget } from "drydock/interfaces"`.

export {
  type CommandResult,
  type OutputSink,
  type Running,
  type RunOptions,
  shellExitCode,
} from "./command.js"
export { HOST_ERROR_CODES, HostError, type HostErrorCode } from "./errors.js"
export type { FileEntry, FileStat, FileType } from "./file-driver.js"
export type { HostFiles, TransferOptions } from "./files.js"
export { type ConnectOptions, connectHost, type Host } from "./host.js"
export type { KnownHostsPolicy } from "./host-keys.js"
export { type HostTarget, hostTarget, type LocalTarget, type SshTarget } from "./target.js"
export type { Progress } from "./transfer.js"
export type { Terminal } from "./transport.js"
