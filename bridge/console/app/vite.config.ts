import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
import { compressed } from "./compressed";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "./", // the bridge may lie under a proxy's prefix
  plugins: [vue(), compressed()],
  // Its sources, so that the order in which the two are built does not matter.
  resolve: { alias: { "@zwsbridge/client": at("../client/src/index.ts") } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the page's policy allows no data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
    rollupOptions: {
      output: {
        // Named so that what changes often does not make browsers load again what does not.
        manualChunks: (id) => (/node_modules[\\/](@vue|vue)[\\/]/.test(id) ? "vue" : undefined),
      },
    },
  },
});
