// SPDX-License-Identifier: Apache-2.0
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { rmSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig, type Plugin } from "vitest/config";
import { mockHub } from "./src/dev/mock.ts";

const dist = resolve(import.meta.dirname, "dist");

/** Empties dist before a build, but for the committed placeholder. */
function keepPlaceholder(): Plugin {
  return {
    name: "keep-placeholder",
    apply: "build",
    buildStart() {
      for (const name of readdirSync(dist)) {
        if (name !== "placeholder.html") rmSync(resolve(dist, name), { recursive: true });
      }
    },
  };
}

export default defineConfig(({ mode }) => ({
  // The mock exists in `npm run dev` only, never in a build.
  plugins: [svelte(), keepPlaceholder(), ...(mode === "mock" ? [mockHub()] : [])],
  base: "./",
  build: {
    outDir: dist,
    emptyOutDir: false,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // they know light-dark()
    // The policy of the page has no room for inline anything.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test-setup.ts"],
    restoreMocks: true,
    testTimeout: 60_000,
  },
  // Components under test are the browser's, not the server's.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
}));
