// Hosts out of the Almanac: one resource per active binding of the blueprint's services (D14117, D19762). Active =
// neither the binding nor its device is disabled. The slot lock of the binding keeps two blueprints that share a
// service from both owning it.

import { z } from "zod"
import { almanacId } from "../../machines/almanac.js"
import { LIMITS } from "../../machines/limits.js"
import type { Binding } from "../../machines/service.js"
import { type Almanac, definePolicy, type Site, type Survey } from "../blueprint.js"

const config = z.strictObject({
  /** Ids of services whose bindings it may use. */
  services: z
    .array(almanacId)
    .min(1, { error: "name at least one service" })
    .max(LIMITS.servicesPerBlueprint)
    .refine((ids) => new Set(ids).size === ids.length, { error: "names a service twice" }),
  /** Leases that one host takes at once: absent = any number, 1 = exclusive. */
  leasesPerHost: z.number().int().min(1).max(LIMITS.leasesPerResource).optional(),
  /** Login name for the `ssh` transport; absent = the caller's own. */
  user: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, { error: "not a login name" })
    .optional(),
  /** Reference to a private key, a path on the machine that connects; never the key itself. */
  identityFile: z.string().min(1).max(400).optional(),
  /** The only known_hosts file to believe, a path there too; absent = the caller's own files. */
  knownHostsFile: z.string().min(1).max(400).optional(),
})
type Config = z.output<typeof config>

/** `almanac.host.binding(<service>/<binding>)`: held by the one resource built on the binding. */
export function bindingSlot(service: string, binding: string): string {
  return `almanac.host.binding(${service}/${binding})`
}

type Found = { site: Site } | { code: "missing" | "disabled"; message: string }

function look(config: Config, almanac: Almanac, service: string, name: string, binding: Binding): Found {
  const device = almanac.device(binding.device)
  if (binding.disabled) return { code: "disabled", message: `binding ${service}/${name} is disabled` }
  if (device === undefined)
    return { code: "missing", message: `binding ${service}/${name}: there is no device ${binding.device}` }
  if (device.to === "disabled") return { code: "disabled", message: `device ${binding.device} is disabled` }
  const { interfaces } = device.context
  const at = Object.hasOwn(interfaces, binding.interface) ? interfaces[binding.interface] : undefined
  if (at === undefined) {
    const message = `binding ${service}/${name}: device ${binding.device} has no interface ${binding.interface}`
    return { code: "missing", message }
  }
  const attributes = {
    device: binding.device,
    service,
    binding: name,
    interface: binding.interface,
    network: at.network,
    address: at.address,
    port: at.port,
    transport: at.transport,
    ...(config.user === undefined ? {} : { user: config.user }),
    ...(config.identityFile === undefined ? {} : { identityFile: config.identityFile }),
    ...(config.knownHostsFile === undefined ? {} : { knownHostsFile: config.knownHostsFile }),
  }
  return { site: { key: bindingSlot(service, name), attributes } }
}

function survey(config: Config, almanac: Almanac): Survey {
  const sites: Site[] = []
  const closed = new Map<string, { code: string; message: string }>()
  const problems: string[] = []
  for (const id of config.services) {
    const service = almanac.service(id)
    if (service === undefined) {
      problems.push(`there is no service ${id}`)
      continue
    }
    for (const [name, binding] of Object.entries(service.context.bindings)) {
      const found = look(config, almanac, id, name, binding)
      if ("site" in found) sites.push(found.site)
      else closed.set(bindingSlot(id, name), found)
    }
  }
  return { sites, closed, problems }
}

export default definePolicy<Config>({
  type: "almanac-service-host",
  provides: "host",
  description: "Hosts bound to services of the Almanac, one resource per active binding",
  config,
  survey,
  leasesPerResource: ({ leasesPerHost }) => leasesPerHost ?? null,
  leaseSlot: (resource, n) => `almanac.host.lease(${resource},${n})`,
  activatesResourcesAtOnce: true,
  activatesLeasesAtOnce: true,
  cleansUpResources: false,
  cleansUpLeases: false,
})
