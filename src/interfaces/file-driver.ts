// The port under `Host.files`: what SFTP and the local file system have in common. Paths are the host's own.
// Every method rejects with HostError of a `file-…` kind, or `connection-lost`.

export type FileType = "file" | "directory" | "link" | "other"

export interface FileStat {
  readonly type: FileType
  /** Bytes. */
  readonly size: number
  /** Permission bits, like 0o644. */
  readonly mode: number
  readonly modifiedAt: Date
}

export interface FileEntry extends FileStat {
  readonly name: string
}

export interface OpenFile {
  stat(): Promise<FileStat>
  /** At most `length` bytes from `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>
  write(position: number, data: Uint8Array): Promise<void>
  chmod(mode: number): Promise<void>
  /** Makes what was written durable, where the host can. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface FileDriver {
  openToRead(path: string): Promise<OpenFile>
  /** Creates a file that must not exist; its mode is 0o600. */
  create(path: string): Promise<OpenFile>
  stat(path: string): Promise<FileStat>
  /** Does not follow a link. */
  lstat(path: string): Promise<FileStat>
  realpath(path: string): Promise<string>
  list(path: string): Promise<FileEntry[]>
  /** Without a mode the host's default. The parent must exist. */
  mkdir(path: string, mode?: number): Promise<void>
  rmdir(path: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Replaces what `to` is. */
  rename(from: string, to: string): Promise<void>
}
