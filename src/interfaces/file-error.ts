// One meaning for what Node and SFTP report about files.

import { HostError, type HostErrorCode, reasonOf } from "./errors.js"

const MEANING: Readonly<Record<string, readonly [HostErrorCode, string, string]>> = {
  ENOENT: ["file-not-found", "does not exist", "look at the path with host.files.list"],
  EACCES: [
    "file-permission",
    "may not be used by this login",
    "give the login the permission, or use another path",
  ],
  EPERM: [
    "file-permission",
    "may not be used by this login",
    "give the login the permission, or use another path",
  ],
  EEXIST: ["file-exists", "exists already", "remove it first, or use another path"],
  ENOTDIR: ["not-a-directory", "is not a directory", "name a directory"],
  EISDIR: ["is-a-directory", "is a directory", "name a file"],
  ENOTEMPTY: ["directory-not-empty", "is not empty", "remove it with `recursive`"],
}

/** `code`: a name of errno, or any text for what has no meaning of its own. */
export function fileError(code: string | undefined, path: string, cause: unknown): HostError {
  const known = code === undefined ? undefined : MEANING[code]
  if (known === undefined) {
    return new HostError(
      "file-failed",
      `${path}: ${reasonOf(cause)}`,
      "look at the path and the free space on the host",
      {
        cause,
      },
    )
  }
  const [name, what, cure] = known
  return new HostError(name, `${path} ${what}`, cure, { cause })
}
