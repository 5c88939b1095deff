// The blueprint types of this installation, for commands that check what people write.

import type { AnyPolicy } from "../blueprints/blueprint.js"
import { loadBlueprints } from "../blueprints/installed.js"

/** All of them, by type; those of `files` too. Throws DrydockError `bad-blueprint`. */
export async function installedPolicies(files: readonly string[] = []): Promise<readonly AnyPolicy[]> {
  return (await loadBlueprints(files)).map(({ policy }) => policy)
}
