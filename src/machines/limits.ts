// Every limit of the yard in one place (rule 8). docs/limits.md is checked against this file by a test.

export const LIMITS = {
  /** Body of a command, bytes. What is larger together with its headers the stream refuses: only the PubAck says so. */
  commandBodyBytes: 64 * 1024,
  /** Headers of a command, bytes; on top of the body in the stream's message limit. */
  commandHeaderBytes: 4 * 1024,
  /** A whole record, bytes of JSON: over it the command is rejected `over-limit`. */
  recordBytes: 512 * 1024,
  /** Part of `recordBytes` kept free for the follow-ups that a record orders. */
  recordSendsBytes: 32 * 1024,
  /** Follow-ups one record may order. */
  sendsPerRecord: 64,
  /** Leases per pool that may be entitled at once: how many of a freed pool are woken together (rule 3). */
  entitledPerPool: 32,
  /** Leases of one released resource that are told to release at once; the next follow as these end. */
  releasesPerResource: 16,
  /** Idle resources per pool that are replaced at once because their interface changed. */
  replacementsPerPool: 3,
  /** Waiting demand classes (type, blueprints, attributes that matter) per pool. */
  classesPerPool: 1_024,
  /** Pending leases of one yard. */
  pendingLeases: 1_000_000,
  /** How deep JSON in attributes, properties, config and notes may nest. */
  jsonDepth: 32,
  /** Blueprints that one lease may name. */
  blueprintsPerLease: 32,
  /** Services that one almanac-service-host blueprint may use. */
  servicesPerBlueprint: 64,
  /** Interfaces of a device, bindings of a service. */
  interfacesPerDevice: 64,
  bindingsPerService: 1_000,
  /** Slots of one resource that leases can hold (`leasesPerHost`). */
  leasesPerResource: 1_024,
  /** Live resources of one blueprint (`limit`). */
  resourcesPerBlueprint: 1_000_000,
  /** `annotate`: keys, and bytes of all keys and texts together. */
  noteKeys: 32,
  noteBytes: 4 * 1024,
  /** Texts of people: reasons. Characters. */
  reasonChars: 1_000,
  /** The longest duration, milliseconds (366 days). */
  durationMs: 366 * 24 * 60 * 60 * 1000,
  /** Principals with a decision on one blueprint. */
  authorizationsPerBlueprint: 1_000,
  /** Output of jobs kept on an object: lines, characters of all lines, of one line; lines that one message may add. */
  logLines: 50,
  logChars: 8 * 1024,
  logLineChars: 500,
  logLinesPerMessage: 50,
  /** Principals on the list of those who may use a blueprint. */
  principalsPerBlueprint: 256,
  /** Resources on which a lease failed, as it remembers them. */
  failuresPerLease: 4,
  /** Leases that failed on a resource, as it remembers them. */
  strikesPerResource: 16,
  /** Idle resources per pool that are asked to make room at once, for leases that nothing else serves. */
  reclaimsPerPool: 4,
  /** Follow-ups per pool and record of each of these kinds: reasons to write down, rooms to keep, approvals to ask for. */
  smallDutiesPerPool: 2,
  /** What a build was for, as its blueprint remembers it when it failed: characters. */
  demandChars: 1_000,
  /** Principals on one blueprint who asked and on whom nobody has decided. */
  requestsPerBlueprint: 500,
  /** What a policy plans for a resource, bytes of JSON; a slot lock, characters. */
  planBytes: 64 * 1024,
  slotChars: 400,
  /** Objects that one sweep forgets; the next follows at once. */
  forgottenPerSweep: 1_000,
  /** Rows of one answer to a query. */
  queryRows: 1_000,
  /** Queries that a host works on at once. */
  queriesUnderWay: 1_024,
  /** How long a query may wait for `atLeast`, milliseconds. */
  queryWaitMs: 5_000,
} as const
