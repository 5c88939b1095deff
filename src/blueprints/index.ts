// What an author of blueprints imports: `import { defineBlueprint, z } from "drydock/blueprints"`.

export { z } from "zod"
export type { Almanac, Policy, Site, Survey } from "./blueprint.js"
export { ProgramError, ResourceLostError, RetryableError, TerminalError } from "./failure.js"
export {
  type Blueprint,
  type Details,
  defineBlueprint,
  type LeaseTask,
  type ProgramOptions,
  type ProgramResult,
  type ResourceTask,
  type TaskContext,
  type Work,
} from "./work.js"
