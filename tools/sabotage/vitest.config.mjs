// Vitest as the repository has it, with the cuts of one room in its sources and a runner that tries them.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { withCuts } from './cuts.mjs';

const root = new URL('../../', import.meta.url).pathname;
const { files } = JSON.parse(readFileSync(`${process.env.ASSAY_SABOTAGE}/room.json`, 'utf8'));
// Which cut is active is read when the code runs: Vitest keeps the text of modules on disk, for all runs of a room.
const SWITCH = `const __cut=globalThis.__assayCut??={seen:new Set(),active:Number(process.env.ASSAY_SABOTAGE_ACTIVE??-1),
at(n){this.seen.add(n);return n===this.active},
off(n,value){if(value)this.seen.add(n);return n===this.active?false:value},
on(n,value){if(!value)this.seen.add(n);return n===this.active?true:value}};`.replaceAll('\n', '');

export default defineConfig({
  ...base,
  root,
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
    ...base.test,
    testTimeout: process.env.ASSAY_SABOTAGE_ACTIVE === undefined ? 600_000 : base.test.testTimeout,
    // In the folder of this run: text with the cuts of another room, or with none, is other text.
    fsModuleCachePath: `${process.env.ASSAY_SABOTAGE}/modules`,
    runner: process.env.ASSAY_SABOTAGE_ACTIVE === undefined ? './tools/sabotage/runner.mjs' : undefined,
    reporters: ['dot'],
  },
});
