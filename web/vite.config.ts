import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const services = "http://localhost:8000";

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: "es2022",
    // Inlined files would be `data:` addresses, and a polyfill an inline script: the page's policy allows neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "^/(stocks|prices|stream|trades|trades.csv|portfolio|operations|health)([/?]|$)": services,
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
