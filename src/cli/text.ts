// Times, durations and texts as people read them, and texts of strangers made harmless for a terminal.

/** `3 min 12 s`, `41 s`, `640 ms`: two units at most. `ms` is a length of time in milliseconds. */
export function spell(ms: number): string {
  const value = Math.max(0, Math.round(ms))
  if (value < 1_000) return `${value} ms`
  if (value < 10_000) return `${(Math.floor(value / 100) / 10).toFixed(1)} s`
  const seconds = Math.floor(value / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return join(minutes, "min", seconds % 60, "s")
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return join(hours, "h", minutes % 60, "min")
  return join(Math.floor(hours / 24), "d", hours % 24, "h")
}

/** `5 min ago`, `in 12 s`; `-` for none. */
export function relative(time: string | null | undefined, nowMs = Date.now()): string {
  if (time === null || time === undefined || time === "") return "-"
  const ms = Date.parse(time)
  if (Number.isNaN(ms)) return printable(time)
  const away = ms - nowMs
  if (Math.abs(away) < 1_000) return "now"
  return away > 0 ? `in ${spell(wholeSeconds(away))}` : `${spell(wholeSeconds(-away))} ago`
}

/** `10:02:11.331`, local time. */
export function clockTime(time: string): string {
  const date = new Date(time)
  const two = (value: number) => String(value).padStart(2, "0")
  const ms = String(date.getMilliseconds()).padStart(3, "0")
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}

/** Texts of strangers on a terminal: control characters are shown, never obeyed. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.codePointAt(0) ?? 0
    return `\\u${code.toString(16).padStart(4, "0")}`
  })
}

/** Like `printable`, for texts that we have coloured ourselves: colour codes and line ends are kept. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour code
  const parts = text.split(/(\u001b\[[0-9;]*m|\n)/)
  return parts.map((part, index) => (index % 2 === 1 ? part : printable(part))).join("")
}

/** Columns that a text takes; colour codes take none. */
export function displayWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour code
  return [...text.replaceAll(/\u001b\[[0-9;]*m/g, "")].length
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)))
}

/** `1 lease`, `3 leases`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`
}

/** A value as JSON on one line, cut at `width` columns. */
export function brief(value: unknown, width = 60): string {
  const text = printable(JSON.stringify(value) ?? "")
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

/** Lines under a label, the label only before the first. */
export function labelled(label: string, lines: readonly string[], width: number): string {
  return lines.map((line, index) => `${padEnd(index === 0 ? label : "", width)}${line}`).join("\n")
}

/** The names that are spelled most like `wanted`, best first, at most `limit`. */
export function nearest(wanted: string, names: readonly string[], limit = 3): readonly string[] {
  const reach = Math.max(1, Math.floor(wanted.length / 3))
  return names
    .map((name) => ({ name, away: distance(wanted.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, away }) => away <= reach || (wanted.length >= 3 && name.startsWith(wanted)))
    .sort((a, b) => a.away - b.away || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map(({ name }) => name)
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

function wholeSeconds(ms: number): number {
  return ms < 10_000 ? ms : Math.floor(ms / 1_000) * 1_000
}

function join(a: number, aUnit: string, b: number, bUnit: string): string {
  return b === 0 ? `${a} ${aUnit}` : `${a} ${aUnit} ${b} ${bUnit}`
}
