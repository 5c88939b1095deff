// One closed loop: ask for a lease, wait until it is active, let it go, wait until that is done, again. It speaks the
// public protocol only, and trusts no outcome without reading it.

import { headers, type NatsConnection } from "nats"

/** Who counts what the loops live through. Times in milliseconds. */
export interface Tally {
  asking(lease: string, client: Client): void
  acquired(lease: string, ms: number): void
  released(ms: number): void
  /** The lease was not active at once: it waits for a resource or its turn. */
  waits(lease: string): void
  failed(why: string): void
  /** This loop has stopped. */
  ended(): void
}

/** The parts of an outcome that a loop reads. */
export interface OutcomeHeard {
  readonly outcome: "accepted" | "rejected"
  readonly code?: string
  readonly message?: string
  readonly record?: { readonly to: string; readonly id: string }
}

const REQUEST = JSON.stringify({ type: "host", ttl: "30m" })
const RELEASE = "{}"

export class Client {
  #round = 0
  #lease = ""
  #phase: "idle" | "asking" | "waiting" | "releasing" = "idle"
  #askedAt = 0
  #letGoAt = 0
  #stopped = false
  /** The event "it is active" has overtaken the outcome "it waits". */
  #early = false

  constructor(
    readonly name: string,
    private readonly yard: string,
    private readonly principal: string,
    private readonly connection: NatsConnection,
    private readonly tally: Tally,
  ) {}

  get busy(): boolean {
    return this.#phase !== "idle"
  }

  /** Where it stands, for a report of what hangs. */
  get standing(): string {
    return `${this.#lease} ${this.#phase}`
  }

  start(): void {
    this.#ask()
  }

  /** Ends once the lease that it holds or waits for is over. */
  stop(): void {
    this.#stopped = true
  }

  /** An outcome for this loop has come. */
  hear(outcome: OutcomeHeard): void {
    if (outcome.outcome !== "accepted" || outcome.record?.id !== this.#lease) {
      this.tally.failed(`${this.standing}: ${outcome.code ?? "wrong lease"}: ${outcome.message ?? ""}`)
      this.#ask()
      return
    }
    const { to } = outcome.record
    if (this.#phase === "asking" && to === "active") this.#held()
    else if (this.#phase === "asking" && (to === "pending" || to === "acquired")) {
      this.#phase = "waiting"
      this.tally.waits(this.#lease)
      if (this.#early) this.#held()
    } else if (this.#phase === "releasing" && (to === "released" || to === "destroyed")) {
      this.tally.released(performance.now() - this.#letGoAt)
      this.#ask()
    } else this.#strange(to)
  }

  /** An event of a lease that this loop may wait for has come. */
  seen(lease: string, to: string): void {
    if (lease !== this.#lease || to !== "active") return
    if (this.#phase === "asking") this.#early = true
    else if (this.#phase === "waiting") this.#held()
  }

  #ask(): void {
    if (this.#stopped) {
      this.#phase = "idle"
      this.tally.ended()
      return
    }
    this.#round++
    this.#lease = `${this.principal}_${this.name}-${this.#round}`
    this.#phase = "asking"
    this.#early = false
    this.#askedAt = performance.now()
    this.tally.asking(this.#lease, this)
    this.#say("request", REQUEST)
  }

  #held(): void {
    const now = performance.now()
    this.tally.acquired(this.#lease, now - this.#askedAt)
    this.#phase = "releasing"
    this.#letGoAt = now
    this.#say("release", RELEASE)
  }

  #strange(to: string): void {
    this.tally.failed(`${this.standing}, but its record says ${to}`)
    this.#ask()
  }

  #say(verb: string, body: string): void {
    const hdrs = headers()
    hdrs.set("Drydock-Id", `${this.name}-${this.#round}-${verb}`)
    const subject = `drydock.${this.yard}.command.lease.${this.#lease}.${verb}.${this.principal}`
    this.connection.publish(subject, body, { headers: hdrs })
  }
}
