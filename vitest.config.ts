import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // The second writes down what ran, for the check of docs/features.md that follows `npm test`.
    reporters: ["default", "./test/docs/features/results.ts"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
})
