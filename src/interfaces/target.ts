// What a host resource pins when it is allocated (`context.attributes`), parsed once at this edge.
// Credentials are references: paths of files on the machine that connects, never keys.

import { z } from "zod"
import { HostError } from "./errors.js"

const text = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => ![...value].some((character) => character < " " || character === "\u007f"), {
      error: "has a control character",
    })

const path = text(4096)

const common = {
  device: z.string().optional(),
  service: z.string().optional(),
  binding: z.string().optional(),
  interface: z.string().optional(),
  network: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
}

const sshTarget = z.object({
  ...common,
  transport: z.literal("ssh"),
  address: text(253).refine((value) => !value.startsWith("-"), { error: "begins with a hyphen" }),
  port: z.number().int().min(1).max(65_535).default(22),
  /** Login name on the host. Default: the name of the user who connects. */
  user: text(64).optional(),
  /** Private key file. `~/` is the home folder of the user who connects. */
  identityFile: path.optional(),
  /** The only known_hosts file to use. Default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  knownHostsFile: path.optional(),
})

const localTarget = z.object({ ...common, transport: z.literal("local"), address: z.string().optional() })

const target = z.preprocess(
  (attributes) =>
    typeof attributes === "object" && attributes !== null ? { transport: "ssh", ...attributes } : attributes,
  z.discriminatedUnion("transport", [sshTarget, localTarget]),
)

export type SshTarget = z.output<typeof sshTarget>
export type LocalTarget = z.output<typeof localTarget>
export type HostTarget = SshTarget | LocalTarget

/**
 * Reads the attributes of a host resource. Keys that it does not know are ignored.
 * Throws HostError `not-a-host` that names every wrong attribute.
 */
export function hostTarget(attributes: unknown): HostTarget {
  const parsed = target.safeParse(attributes)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(
    (issue) => `${issue.path.join(".") || "attributes"}: ${issue.message}`,
  )
  throw new HostError(
    "not-a-host",
    `these attributes describe no host: ${issues.join("; ")}`,
    "use a resource of a blueprint that provides hosts, and mend its device's interface or its config",
    { cause: parsed.error },
  )
}

/** How messages call the host: `user@address:port`, or `this machine`. */
export function hostLabel(target: HostTarget, user?: string): string {
  if (target.transport === "local") return "this machine"
  const name = user ?? target.user
  return `${name === undefined ? "" : `${name}@`}${target.address}:${target.port}`
}
