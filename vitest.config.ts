import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const conditions = ['@assay/source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/src/**/*.test.{ts,tsx}', 'tests/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Tests wait for a state, on machines that do other things as well; a state that never comes fails all the same.
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    // Hundreds of tests start the command from its sources; compiled once, each start takes a third of the processor time.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
    // Tests wait more than they compute: one file at a time leaves half of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Processes that start and end many threads die of V8 now and then: of the protection keys of its code pages (`jit_page.has_value()`), and of
    // WebAssembly code that one thread frees while another ends (nodejs/node#64500). Test processes do without both.
    execArgv: ['--no-memory-protection-keys', '--no-wasm-code-gc'],
  },
});
