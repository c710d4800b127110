// Vitest as the repository has it, with the cuts of one room in its sources and a runner that tries them.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { withCuts } from './cuts.mjs';

const root = new URL('../../', import.meta.url).pathname;
const conditions = ['@assay/source', 'module', 'node', 'development|production'];
const { files } = JSON.parse(readFileSync(`${process.env.ASSAY_SABOTAGE}/room.json`, 'utf8'));
const active = process.env.ASSAY_SABOTAGE_ACTIVE ?? '-1';
const SWITCH = `const __cut=globalThis.__assayCut??={seen:new Set(),active:${active},
at(n){this.seen.add(n);return n===this.active},
off(n,value){if(value)this.seen.add(n);return n===this.active?false:value},
on(n,value){if(!value)this.seen.add(n);return n===this.active?true:value}};`.replaceAll('\n', '');

export default defineConfig({
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  plugins: [
    {
      name: 'sabotage',
      enforce: 'pre',
      transform(code, id) {
        const numbers = files[id.split('?')[0].slice(root.length)];
        return numbers === undefined ? null : { code: `${SWITCH}${withCuts(code, numbers)}`, map: null };
      },
    },
  ],
  test: {
    include: ['packages/*/src/**/*.test.{ts,tsx}', 'tests/**/*.test.ts'],
    testTimeout: active === '-1' ? 600_000 : 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    runner: process.env.ASSAY_SABOTAGE_ACTIVE === undefined ? './tools/sabotage/runner.mjs' : undefined,
    reporters: ['dot'],
  },
});
