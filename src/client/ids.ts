// Ids that nobody can guess: 128 random bits as 22 letters of base64url (an id of a command is where its outcome goes,
// and whoever knows it could listen for it or occupy it).

import { randomBytes } from "node:crypto"

const BYTES = 16

/** Fits `Drydock-Id`. */
export function newCommandId(): string {
  return randomBytes(BYTES).toString("base64url")
}

/** `<principal>_<random>`: with users configured a requester's lease ids must begin so. */
export function newLeaseId(principal: string): string {
  return `${principal}_${randomBytes(BYTES).toString("base64url")}`
}
