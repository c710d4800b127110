/** What `make measure` prints: the values that `assay measure` computes of what was built, commands that work as printed, and what was not built. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transcript } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { Steps } from '../../image/steps.ts';
import { whatToPin } from '../../image/what-to-pin.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';

const EIF = new URL('../../packages/reference-values/test-images/app.eif', import.meta.url).pathname;
const APPLICATION = {
  'etc/assay/image.json': '{"node":"v24.21.0","platform":"linux","arch":"x64"}',
  'assay/packages/agent/package.json': '{"version":"1.2.3"}',
  'assay/packages/agent/dist/index.js': '// agent',
  'assay/packages/sandbox/dist/index.js': '// sandbox',
  'assay/packages/ledger/dist/index.js': '// ledger',
};

/** A folder with the root filesystem of an image, unpacked next to its archive. */
function image(): string {
  const folder = mkdtempSync(join(tmpdir(), 'assay-pins-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(APPLICATION)) {
    mkdirSync(dirname(join(folder, 'rootfs', name)), { recursive: true });
    writeFileSync(join(folder, 'rootfs', name), text);
  }
  spawnSync('tar', ['-cf', join(folder, 'rootfs.tar'), '-C', join(folder, 'rootfs'), 'assay', 'etc']);
  return folder;
}

async function measured(...args: readonly string[]) {
  const io = transcript({ cwd: '/', now: 0 });
  expect(await run(['measure', ...args], io), io.err()).toBe(0);
  return JSON.parse(io.out());
}

test('of an enclave image: its registers, and a policy of them by the command that it prints', async () => {
  const folder = image();
  const path = join(folder, 'assay.eif');
  copyFileSync(EIF, path);
  const { values } = await measured(EIF, '--json');
  const text = whatToPin(folder);
  for (const [name, value] of Object.entries(values)) expect(text).toContain(`  ${name}  ${value}\n`);
  const [, args = ''] = /npx assay (measure .+ --format policy) > app-policy\.json/.exec(text) ?? [];
  const [, ...words] = args.split(' ');
  expect((await measured(...words)).measurements[0].values.pcr0).toEqual([values.pcr0]);
  expect(text).toContain('npx assay verify EVIDENCE --policy app-policy.json');
  expect(text).toMatch(/Not in this image:\n {2}dstack: npm run image -- --image-name/);
});

test('of a root filesystem alone: what the simulator shows, and what builds the others', async () => {
  const folder = image();
  const { values } = await measured(join(folder, 'rootfs'), '--json');
  const text = whatToPin(folder);
  expect(text).toContain('no hardware shows these values');
  for (const name of ['pcr0', 'pcr1', 'pcr2']) expect(text).toContain(`  ${name}  ${values[name]}\n`);
  expect(text).toMatch(/AWS Nitro: npm run image -- --blobs .+\n {2}dstack: npm run image -- --image-name/);
});

test('a folder without an image, and a file that is none, are refused', () => {
  const folder = image();
  writeFileSync(join(folder, 'assay.eif'), 'hello');
  expect(() => whatToPin(folder)).toThrow(/expected assay measure to take .*assay\.eif, got: error: .* expected an EIF/);
  expect(() => whatToPin(join(folder, 'rootfs'))).toThrow(/expected an image in .*, got no rootfs\.tar; make image builds one/);
});

test('each step is said when it begins, with the seconds since the first', () => {
  const lines: string[] = [];
  let now = 1000;
  const steps = new Steps({ write: (text) => lines.push(text), now: () => now });
  steps.begin('fetch');
  now += 75_900;
  steps.begin('compile');
  expect([lines, steps.elapsed()]).toEqual([['   0 s  fetch\n', '  75 s  compile\n'], '75 s']);
});
