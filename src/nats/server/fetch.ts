import { DrydockError } from "../../actors/error.js"
import type { Progress } from "./progress.js"

export async function fetchServer(_folder: string, _onProgress: Progress): Promise<string> {
  throw new DrydockError("server-missing", "not yet", "later")
}
