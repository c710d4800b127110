import { copyFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const curves = dirname(fileURLToPath(import.meta.resolve('@noble/curves/ed25519.js')));
const built = (name: string): string => new URL(`./dist/${name}.html`, import.meta.url).pathname;

/** The channel's primitives from `node:crypto`, which no browser asks for. */
const NODE_PROVIDER = fileURLToPath(new URL('../channel/src/provider/node.ts', import.meta.url));
const NO_NODE = 'export const nodeProvider = () => { throw new Error("a browser has no node:crypto"); };';

export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  // Relative, so that the pages work below any path and from a plain file server.
  base: './',
  resolve: {
    conditions: ['@assay/source', 'browser', 'module', 'import', 'default'],
    // Each package has the copy its manifest asks for, all of one version; the page needs one of them. Names that end in .js are of
    // version 2; viem brings version 1 for itself, whose names do not.
    alias: [{ find: /^@noble\/curves\/(.+\.js)$/, replacement: `${curves}/$1` }],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  // One page for every address; the same again as verify.html, for plain file servers, and as comparison.html, for `assay compare --live`.
  plugins: [
    {
      name: 'pages-alone',
      apply: 'build',
      closeBundle: () => {
        for (const name of ['verify', 'comparison']) copyFileSync(built('index'), built(name));
      },
    },
    { name: 'no-node', load: (id) => (id === NODE_PROVIDER ? NO_NODE : null) },
  ],
});
