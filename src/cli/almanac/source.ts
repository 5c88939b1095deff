// One YAML file: its documents as plain data, and the place of everything in it. Hostile files are refused: too large,
// nested too deeply, or growing by aliases.

import {
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  parseAllDocuments,
  visit,
} from "yaml"

/** Something wrong, with its place; lines and columns count from 1. */
export interface Mistake {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

const MAX_FILE_CHARS = 16 * 1024 * 1024
const MAX_ALIASES = 100
/** Deeper than anything that the yard takes. */
const MAX_DEPTH = 80
const MAX_SYNTAX_MISTAKES = 20

export class Source {
  private constructor(
    private readonly file: string,
    private readonly lines: LineCounter,
    private readonly parsed: readonly Document[],
    /** One plain value per document that could be read. */
    readonly documents: readonly unknown[],
    readonly mistakes: readonly Mistake[],
  ) {}

  static parse(file: string, text: string): Source {
    const lines = new LineCounter()
    const mistakes: Mistake[] = []
    const first = (message: string) => mistakes.push({ file, line: 1, column: 1, message })
    if (text.length > MAX_FILE_CHARS) {
      first(`larger than ${MAX_FILE_CHARS / 1024 / 1024} MiB: split it into several files`)
      return new Source(file, lines, [], [], mistakes)
    }
    const parsed = parseDocuments(text, lines)
    if (typeof parsed === "number") {
      const { line, col } = lines.linePos(parsed)
      mistakes.push({
        file,
        line: Math.max(1, line),
        column: Math.max(1, col),
        message: "nests too deeply to be read",
      })
      return new Source(file, lines, [], [], mistakes)
    }
    const documents: unknown[] = []
    for (const document of parsed) {
      const place = (offset: number) => {
        const { line, col } = lines.linePos(offset)
        return { file, line: Math.max(1, line), column: Math.max(1, col) }
      }
      for (const error of document.errors.slice(0, MAX_SYNTAX_MISTAKES))
        mistakes.push({ ...place(error.pos[0]), message: plain(error.message) })
      documents.push(document.errors.length > 0 ? undefined : plainValue(document, place, mistakes))
    }
    return new Source(file, lines, parsed, documents, mistakes)
  }

  /** Whether the file says anything at this path. */
  has(document: number, path: readonly string[]): boolean {
    return this.resolve(document, path).found
  }

  /** A mistake at the value of a path, or at the nearest thing above it. */
  mistake(document: number, path: readonly string[], message: string): Mistake {
    return { ...this.place(this.resolve(document, path).offset), message }
  }

  /** A mistake at a key of the map at a path. */
  mistakeAtKey(document: number, path: readonly string[], key: string, message: string): Mistake {
    return { ...this.at(document, path, key), message }
  }

  /** Where a key of the map at a path stands. */
  at(document: number, path: readonly string[], key: string): Omit<Mistake, "message"> {
    const { node, offset } = this.resolve(document, path)
    if (isMap(node))
      for (const pair of node.items)
        if (isNode(pair.key) && keyText(pair.key) === key) return this.place(pair.key.range?.[0] ?? offset)
    return this.place(offset)
  }

  private resolve(index: number, path: readonly string[]): { node: unknown; offset: number; found: boolean } {
    const document = this.parsed[index]
    let node: unknown = document?.contents
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
    for (const step of path) {
      if (isAlias(node) && document !== undefined) node = node.resolve(document)
      const next: unknown = isMap(node)
        ? node.items.find((pair) => isNode(pair.key) && keyText(pair.key) === step)
        : isSeq(node)
          ? node.items[Number(step)]
          : undefined
      if (next === undefined || next === null) return { node: undefined, offset, found: false }
      if (isNode(next)) {
        node = next
        offset = next.range?.[0] ?? offset
      } else if (typeof next === "object" && "key" in next && "value" in next) {
        node = next.value
        const shown = isNode(next.value) && next.value.range ? next.value : next.key
        if (isNode(shown)) offset = shown.range?.[0] ?? offset
      }
    }
    return { node, offset, found: true }
  }

  private place(offset: number): Omit<Mistake, "message"> {
    const { line, col } = this.lines.linePos(offset)
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) }
  }
}

/** The offset of what nests too deeply, if anything does. What composes values is recursive, so the depth is measured before, on tokens. */
function parseDocuments(text: string, lineCounter: LineCounter): readonly Document[] | number {
  const tooDeep = tooDeepAt(text)
  if (tooDeep !== undefined) {
    lineCounter.addNewLine(0)
    for (const { index } of text.slice(0, tooDeep).matchAll(/\n/g)) lineCounter.addNewLine(index + 1)
    return tooDeep
  }
  const parsed = parseAllDocuments(text, { lineCounter, prettyErrors: false, strict: true, uniqueKeys: true })
  return "empty" in parsed ? [] : parsed
}

/** Offset of the first thing that nests deeper than allowed. */
function tooDeepAt(text: string): number | undefined {
  for (const document of new Parser().parse(text)) {
    let level: readonly CST.Token[] = [document]
    for (let depth = 0; level.length > 0; depth++) {
      const [first] = level
      if (depth > MAX_DEPTH) return first !== undefined && "offset" in first ? first.offset : 0
      level = level.flatMap(inner)
    }
  }
  return undefined
}

function inner(token: CST.Token): readonly CST.Token[] {
  if (token.type === "document") return token.value === undefined ? [] : [token.value]
  if (!("items" in token)) return []
  return token.items
    .flatMap(({ key, value }) => [key, value])
    .filter((one) => one !== undefined && one !== null)
}

function plainValue(
  document: Document,
  place: (offset: number) => Omit<Mistake, "message">,
  mistakes: Mistake[],
): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    if (!(error instanceof ReferenceError) && !(error instanceof RangeError)) throw error
    let offset = 0
    visit(document, {
      Alias: (_, node) => {
        offset = node.range?.[0] ?? 0
        return visit.BREAK
      },
    })
    const message = "its aliases (*name) grow too large: write it out"
    mistakes.push({ ...place(offset), message })
    return undefined
  }
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined
}

function plain(message: string): string {
  return message.split("\n", 1)[0] ?? message
}
