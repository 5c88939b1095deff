import almanacServiceHost from "../../src/blueprints/almanac-service-host/index.js"

/** The blueprint types that a host of the tests has. */
export const policies = [almanacServiceHost]
