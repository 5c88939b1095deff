/** Whether a subject matches a NATS pattern: `*` is one token, a final `>` is one or more. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".")
  const tokens = subject.split(".")
  for (const [index, token] of wanted.entries()) {
    if (token === ">") return tokens.length > index
    const have = tokens[index]
    if (have === undefined || (token !== "*" && token !== have)) return false
  }
  return tokens.length === wanted.length
}
