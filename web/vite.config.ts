import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// The built page is committed, so that users need no Node: names without hashes keep diffs small.
export default defineConfig({
  plugins: [preact()],
  build: {
    outDir: "../src/mien/server/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  server: { proxy: { "/v1": process.env.MIEN_SERVER ?? "http://127.0.0.1:8480" } },
});
