// Commands that keep running: they serve a yard.

import type { CommandSpec } from "../spec.js"
import { BLUEPRINTS } from "./shared-options.js"

export const SERVE: readonly CommandSpec[] = [
  {
    name: "up",
    group: "Serve",
    impact: "serves",
    connects: false,
    summary: "Start a NATS server and a yard in this folder",
    details: `Starts an embedded nats-server, the yard's host and a worker, and serves until Ctrl-C. What the yard knows is kept in
the store folder: the next start goes on where this one stopped. Other drydock commands in the same folder
find it by themselves. With DRYDOCK_NATS_URL that server is used and none is started.
Under --json the first line is {"event":"ready","nats":URL,"yard":NAME}.`,
    options: [
      {
        flags: "--port <number>",
        text: "port of the NATS server; 0 = any free one",
        shownDefault: "4222, or a free one",
      },
      {
        flags: "--store <folder>",
        text: "where everything is kept",
        env: "DRYDOCK_STORE",
        shownDefault: "./.drydock",
        completes: "folder",
      },
      { flags: "--yard <name>", text: "the yard's name", env: "DRYDOCK_YARD", shownDefault: "default" },
      {
        flags: "--demo",
        text: "apply examples/localhost.yaml, lease a host, run a program on it, release it",
      },
      { flags: "--exit", text: "with --demo: stop when it is done" },
      BLUEPRINTS,
      { flags: "--no-worker", text: "leave the work of blueprints to workers elsewhere" },
      {
        flags: "--worker-concurrency <number>",
        text: "jobs that its worker does at once, 1 to 256",
        shownDefault: "4",
      },
      { flags: "-q, --quiet", text: "do not show what happens in the yard" },
    ],
    examples: [
      { line: "drydock up", text: "serve from ./.drydock" },
      { line: "drydock up --demo", text: "and show the main job once" },
      { line: "drydock up --port 0 --store /tmp/yard --json", text: "for a script" },
    ],
    load: async () => (await import("../commands/up.js")).up,
  },
  {
    name: "host",
    group: "Serve",
    impact: "serves",
    connects: false,
    summary: "Join a NATS server that runs already, as active host or standby",
    details: `One host of a yard is active, any number stand by and take over within about two seconds.
The user and password of the server's account for hosts come from the options or the environment;
the password only from DRYDOCK_HOST_PASSWORD, so that it never stands in a list of processes.`,
    options: [
      {
        flags: "--server <url>",
        text: "the NATS server",
        env: "DRYDOCK_NATS_URL",
        shownDefault: "nats://127.0.0.1:4222",
      },
      { flags: "--yard <name>", text: "the yard's name", env: "DRYDOCK_YARD", shownDefault: "default" },
      { flags: "--user <name>", text: "the server's user for hosts", env: "DRYDOCK_HOST_USER" },
      BLUEPRINTS,
      { flags: "-q, --quiet", text: "do not show what happens in the yard" },
    ],
    examples: [
      { line: "drydock host --server nats://nats.lab:4222", text: "serve the yard `default` there" },
      {
        line: "drydock host --server nats://nats.lab:4222 --yard ci --json",
        text: "another yard, for a supervisor",
      },
    ],
    load: async () => (await import("../commands/host.js")).host,
  },
  {
    name: "worker",
    group: "Serve",
    impact: "serves",
    connects: false,
    summary: "Do the work of a yard's blueprints on this machine",
    details: `Builds, sets up, cleans up and destroys what the yard orders, as many jobs at once as it may. Any number of
workers serve a yard, on any machines; one that dies is replaced by the others. \`drydock up\` has one inside.
Without --server it works for the \`drydock up\` of the store. The password of the server's user for workers comes
from DRYDOCK_WORKER_PASSWORD, or from the store. See docs/workers.md.`,
    options: [
      {
        flags: "--server <url>",
        text: "the NATS server",
        env: "DRYDOCK_NATS_URL",
        shownDefault: "the running `drydock up` of this folder",
      },
      { flags: "--yard <name>", text: "the yard's name", env: "DRYDOCK_YARD", shownDefault: "default" },
      {
        flags: "--store <folder>",
        text: "the folder of the `drydock up` to work for",
        env: "DRYDOCK_STORE",
        shownDefault: "./.drydock",
        completes: "folder",
      },
      { flags: "--user <name>", text: "the server's user for workers", env: "DRYDOCK_WORKER_USER" },
      {
        flags: "--types <types>",
        text: "only these blueprint types, separated by commas",
        shownDefault: "all that are installed",
      },
      BLUEPRINTS,
      { flags: "--concurrency <number>", text: "jobs at once, 1 to 256", shownDefault: "4" },
      {
        flags: "--grace <duration>",
        text: "how long jobs may go on when it is told to stop; the rest is tried again elsewhere",
        shownDefault: "10s",
      },
      { flags: "-q, --quiet", text: "do not show the jobs" },
    ],
    examples: [
      { line: "drydock worker --concurrency 16", text: "for the yard of this folder" },
      {
        line: "drydock worker --server nats://nats.lab:4222 --blueprints vm.js --types vm",
        text: "elsewhere, one type only",
      },
    ],
    load: async () => (await import("../commands/worker.js")).worker,
  },
]
