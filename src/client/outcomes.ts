export type { Outcome } from "../machines/outcome.js"
