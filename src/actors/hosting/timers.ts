// Deadlines that stand in records (rule 14). A timer stays armed until a record of its actor supersedes it: it is
// fired, and fired again, so "never" is impossible; early, late and double firings do nothing.

import type { ActorKey } from "../../machines/names.js"
import type { Timer } from "../../machines/stimulus.js"
import { byText, SortedList } from "../kernel/sorted-list.js"
import type { Cancellable, Clock } from "./clock.js"
import type { StreamClock } from "./stream-clock.js"

/** A firing that is acknowledged lies in the queue and will be decided: only if all else fails is it fired again. */
const FIRE_AGAIN_MS = 30_000
/** Firings that may be on their way at once: many deadlines that passed together must not crowd out follow-ups. */
const UNDER_WAY = 64
const SHORTEST_WAIT_MS = 5

interface Armed {
  readonly actor: ActorKey
  readonly id: string
  /** ISO, as it stands in the record. */
  readonly at: string
  /** When to fire next, by the stream's clock. */
  readonly dueMs: number
}

export class Timers {
  readonly #byActor = new Map<ActorKey, Armed[]>()
  readonly #order = new SortedList<Armed>(
    (a, b) => a.dueMs - b.dueMs || byText(a.actor, b.actor) || byText(a.id, b.id),
  )
  #alarm: Cancellable | undefined
  #alarmMs = Number.POSITIVE_INFINITY
  #underWay = 0
  #ended = false

  constructor(
    readonly clock: Clock,
    readonly streamClock: StreamClock,
    /** Sends the command; resolves to true when it is acknowledged. */
    readonly fire: (actor: ActorKey, timer: Timer) => Promise<boolean>,
  ) {}

  /** All timers of an actor, as its last record has them. */
  set(actor: ActorKey, timers: readonly Timer[]): void {
    const before = this.#byActor.get(actor)
    if (before === undefined && timers.length === 0) return
    for (const armed of before ?? []) this.#order.delete(armed)
    const armed = timers.map(({ id, at }) => ({ actor, id, at, dueMs: Date.parse(at) }))
    if (armed.length === 0) this.#byActor.delete(actor)
    else this.#byActor.set(actor, armed)
    for (const one of armed) this.#order.add(one)
    this.#arm()
  }

  /** The stream's time is known, or better known. */
  clockMoved(): void {
    if (this.#alarm === undefined) this.#arm()
  }

  /** It came at `streamMs`, too early: again after what is left. */
  tooEarly(actor: ActorKey, streamMs: number): void {
    const before = this.#byActor.get(actor)
    const now = this.streamClock.now()
    if (before === undefined || now === undefined) return
    for (const armed of before) this.#order.delete(armed)
    const after = before.map((armed) => ({
      ...armed,
      dueMs: now + Math.max(SHORTEST_WAIT_MS, Date.parse(armed.at) - streamMs),
    }))
    this.#byActor.set(actor, after)
    for (const armed of after) this.#order.add(armed)
    this.#arm()
  }

  end(): void {
    this.#ended = true
    this.#alarm?.cancel()
  }

  #arm(): void {
    if (this.#ended || this.#underWay >= UNDER_WAY) return
    const first = this.#order.first()
    const now = this.streamClock.now()
    if (first === undefined || now === undefined) return
    if (this.#alarm !== undefined && this.#alarmMs === first.dueMs) return
    this.#alarm?.cancel()
    this.#alarmMs = first.dueMs
    this.#alarm = this.clock.after(Math.max(0, first.dueMs - now), () => this.#ring())
  }

  #ring(): void {
    this.#alarm = undefined
    this.#alarmMs = Number.POSITIVE_INFINITY
    const now = this.streamClock.now() ?? 0
    while (!this.#ended && this.#underWay < UNDER_WAY) {
      const first = this.#order.first()
      if (first === undefined || first.dueMs > now) break
      this.#fireOnce(first, now)
    }
    if (this.#underWay < UNDER_WAY) this.#arm()
  }

  /** Until it is acknowledged it stands at "later"; then it waits for the record that supersedes it. */
  #fireOnce(armed: Armed, now: number): void {
    this.#order.delete(armed)
    const again = { ...armed, dueMs: now + FIRE_AGAIN_MS }
    this.#order.add(again)
    const others = (this.#byActor.get(armed.actor) ?? []).filter((other) => other !== armed)
    this.#byActor.set(armed.actor, [...others, again])
    this.#underWay++
    void this.fire(armed.actor, { id: armed.id, at: armed.at }).finally(() => {
      this.#underWay--
      this.#arm()
    })
  }
}
