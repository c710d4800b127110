/** Without network there is one error with one hint: what is missing, and why it could not be fetched. */

import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../command-line/program.ts';

const EVIDENCE = new URL('../../../../examples/evidence/', import.meta.url).pathname;
const never: typeof fetch = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND') }));
let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-offline-'));
  for (const name of ['snp.report', 'tdx.quote']) await copyFile(join(EVIDENCE, name), join(cwd, name));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe('verify without network', () => {
  test.each([
    ['snp.report', 'snp/endorsement-key-missing', 'vcek at https://kdsintf.amd.com'],
    ['tdx.quote', 'dcap/collateral-missing', 'tcb info at https://api.trustedservices.intel.com'],
  ])('%s', async (name, code, asked) => {
    const io = transcript({ cwd, now: Date.now(), fetch: never, env: { HOME: cwd, XDG_CACHE_HOME: cwd } });
    expect(await run(['verify', name], io)).toBe(4);
    expect(io.err().match(/^(error|hint):/gm)).toEqual(['error:', 'hint:']);
    expect(io.err()).toContain(`[${code}]\nhint: ${asked}`);
    expect(io.err()).toMatch(/cannot be reached.*; assay collateral fetch FILE/);
  });

  test('what was only wished for is said apart', async () => {
    const io = transcript({ cwd, now: Date.now(), fetch: never, env: { HOME: cwd, XDG_CACHE_HOME: cwd } });
    await run(['verify', 'snp.report', '--json'], io);
    expect(io.err()).toContain('[endorsements/unreachable]');
    expect(JSON.parse(io.out())).toMatchObject({ outcome: 'unavailable' });
  });
});
