import { describe, expect, it } from "vitest"
import { type HostError, hostTarget } from "../../src/interfaces/index.js"

const refusal = (attributes: unknown): HostError => {
  try {
    hostTarget(attributes)
  } catch (error) {
    return error as HostError
  }
  throw new Error("it was taken")
}

describe("the attributes of a host resource", () => {
  it("describe an SSH host, with more beside it that is not looked at", () => {
    const attributes = {
      device: "h1",
      service: "pool",
      binding: "b1",
      interface: "eth0",
      network: "lab",
      address: "10.0.0.5",
      port: 2222,
      transport: "ssh",
      user: "ci",
      identityFile: "~/.ssh/ci",
      properties: { gpu: true },
      later: 1,
    }
    expect(hostTarget(attributes)).toMatchObject({
      transport: "ssh",
      address: "10.0.0.5",
      port: 2222,
      user: "ci",
    })
  })

  it("may leave out the transport and the port", () => {
    expect(hostTarget({ address: "h1.lab" })).toMatchObject({ transport: "ssh", port: 22 })
  })

  it("describe this machine", () => {
    expect(hostTarget({ address: "localhost", port: 22, transport: "local" })).toMatchObject({
      transport: "local",
    })
  })

  it.each([
    [null, "attributes"],
    ["10.0.0.5", "attributes"],
    [{}, "address"],
    [{ address: "" }, "address"],
    [{ address: "-oProxyCommand=reboot" }, "address"],
    [{ address: "a\nb" }, "address"],
    [{ address: "h", port: 0 }, "port"],
    [{ address: "h", port: "22" }, "port"],
    [{ address: "h", transport: "telnet" }, "transport"],
    [{ address: "h", user: "a\u0000b" }, "user"],
  ])("that describe no host are refused: %j", (attributes, where) => {
    const error = refusal(attributes)
    expect(error).toMatchObject({ name: "HostError", code: "not-a-host", retryable: false })
    expect(error.message).toContain(where)
    expect(error.cure).not.toBe("")
  })

  it("are refused with every mistake at once", () => {
    const { message } = refusal({ port: 0, user: "" })
    for (const name of ["address", "port", "user"]) expect(message).toContain(name)
  })
})
