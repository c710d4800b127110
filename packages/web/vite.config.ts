import { copyFileSync } from 'node:fs';
import { defineConfig } from 'vite';

const built = (name: string): string => new URL(`./dist/${name}.html`, import.meta.url).pathname;

export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  // Relative, so that the pages work below any path and from a plain file server.
  base: './',
  resolve: {
    conditions: ['@assay/source', 'browser', 'module', 'import', 'default'],
    // Each package has the copy its manifest asks for, all of one version; the page needs one of them.
    dedupe: ['@noble/curves'],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  // One page for every address; the same again as verify.html, for plain file servers.
  plugins: [{ name: 'verify-page', apply: 'build', closeBundle: () => copyFileSync(built('index'), built('verify')) }],
});
