// A blueprint type of one's own: empty folders on the machine of the worker, one per lease at a time.
//
//   drydock up --blueprints examples/scratch-folder.js                             in one terminal
//   drydock apply --blueprints examples/scratch-folder.js examples/scratch-folder.yaml
//   drydock lease --type folder
//
// The policy is asked by the yard: pure and quick. The work is done by workers: each function may be called again after
// an attempt that failed half-way, so it looks at nothing that it cannot repeat.

export default ({ z }) => ({
  policy: {
    type: "scratch-folder",
    provides: "folder",
    description: "Empty folders on the machine of the worker",
    config: z.strictObject({ parent: z.string().startsWith("/") }),
    leasesPerResource: () => 1,
    leaseSlot: (resource, n) => `scratch-folder.lease(${resource},${n})`,
    activatesResourcesAtOnce: false,
    activatesLeasesAtOnce: true,
    cleansUpResources: true,
    cleansUpLeases: true,
  },
  work: {
    /** The details are what holders get to know. */
    async allocate({ resource, config, run }) {
      const path = `${config.parent}/${resource.id}`
      await run(["mkdir", "-p", path])
      return { path }
    },
    /** The next holder finds it empty. */
    async release({ resource, config, run }) {
      await run(["find", `${config.parent}/${resource.id}`, "-mindepth", "1", "-delete"])
    },
    async destroy({ resource, config, run }) {
      await run(["rm", "-rf", `${config.parent}/${resource.id}`])
    },
  },
})
