import { readFileSync } from "node:fs"

/**
 * Whether this process is in the foreground of its terminal. From the background, reading the terminal would stop the
 * process, and a line that rewrites itself would be painted over the shell's prompt. Where it cannot be known (not on
 * Linux) the answer is yes.
 */
export function foreground(): boolean {
  let stat: string
  try {
    stat = readFileSync("/proc/self/stat", "utf8")
  } catch {
    // No /proc here: nothing to go by, so behave like any other program.
    return true
  }
  // After the name in brackets: state, parent, group, session, terminal, foreground group.
  const [, , group, , , foregroundGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return group === foregroundGroup
}
