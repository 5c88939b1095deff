import { connect } from "nats"
import { expect, test } from "vitest"
import { startTestServer } from "../../support/server.js"

test("a test server starts, is killed, restarts on the same port and stops", async () => {
  const server = await startTestServer()
  const host = await connect(server.hostOptions)
  const person = await connect(server.personOptions)
  await host.close()
  await person.close()
  const before = server.pid
  await server.kill("SIGKILL")
  await server.restart()
  expect(server.pid).not.toBe(before)
  const again = await connect(server.hostOptions)
  await again.close()
  await server.stop()
})
