// A pool of local hosts, made through the client itself.

import type { Drydock } from "../../src/client/index.js"

/** Device, service and blueprint `name`: so many hosts, so many leases on each (absent: any number), on such terms. */
export async function makePool(
  yard: Drydock,
  hosts: number,
  leasesPerHost?: number,
  name = "lab",
  terms: object = {},
): Promise<void> {
  const bindings: { [binding: string]: object } = {}
  await tell(yard, "network", "net", "put", {})
  for (let n = 0; n < hosts; n++) {
    const device = `${name}-h${n}`
    const eth0 = { network: "net", address: "127.0.0.1", transport: "local" }
    await tell(yard, "device", device, "put", { interfaces: { eth0 } })
    bindings[`b${n}`] = { device, interface: "eth0" }
  }
  await tell(yard, "service", `${name}-pool`, "put", { type: "drydock.pool", bindings })
  const config = { services: [`${name}-pool`], ...(leasesPerHost === undefined ? {} : { leasesPerHost }) }
  await tell(yard, "blueprint", name, "create", { type: "almanac-service-host", config, ...terms })
}

async function tell(
  yard: Drydock,
  kind: "network" | "device" | "service" | "blueprint",
  id: string,
  verb: string,
  body: object,
): Promise<void> {
  const outcome = await yard.command(kind, id, verb, body)
  if (outcome.outcome === "rejected") throw new Error(`${kind}/${id} ${verb}: ${outcome.message}`)
}
