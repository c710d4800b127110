/**
 * The verify page as plain files, with no agent behind it: one real piece of evidence for each TEE, dropped with its companions, and the
 * same with one bit changed. Needs Chromium and the real vectors.
 */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { chromiumPath, launchChromium, type VectorCase, vectorCases, vectorsDirectory, watchPage } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PICTURES, savePictures } from './looks.ts';

const DIST = new URL('../../packages/web/dist/', import.meta.url).pathname;
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** One case a TEE: genuine, and where the vendor rates it, up to date. `offset`: a byte that a signature covers. */
const WANTED: readonly {
  readonly tee: string;
  readonly file: RegExp;
  readonly status?: string;
  readonly offset: (bytes: Uint8Array) => number;
}[] = [
  { tee: 'aws-nitro', file: /^nitro\/(?!.*debug)/, offset: (bytes) => bytes.length - 10 },
  { tee: 'intel-sgx', file: /^sgx\//, status: 'UpToDate', offset: () => 48 + 320 },
  { tee: 'intel-tdx', file: /^tdx\//, status: 'UpToDate', offset: () => 48 + 520 },
  { tee: 'amd-sev-snp', file: /genoa/, offset: () => 0x50 },
  { tee: 'nvidia-gpu', file: /sdk-hopper-590/, offset: () => 8 },
  { tee: 'dstack', file: /near-mpc/, offset: () => 48 + 520 },
];

function caseOf({ tee, file, status }: (typeof WANTED)[number]): VectorCase | undefined {
  return vectorCases(tee).find(
    (entry) => file.test(entry.evidence) && (status === undefined || entry.expect.tcb_status === status),
  );
}

describe.skipIf(chromiumPath() === null || vectorsDirectory() === null || !existsSync(join(DIST, 'verify.html')))(
  'the verify page',
  () => {
    let server: Server;
    let browser: Browser;
    let page: Page;
    let origin: string;
    let faults: readonly string[];

    beforeAll(async () => {
      mkdirSync(PICTURES, { recursive: true });
      server = createServer((request, response) => {
        const path = resolve(DIST, `.${new URL(request.url ?? '/', 'http://x').pathname}`);
        if (!path.startsWith(DIST) || !existsSync(path)) return void response.writeHead(404).end();
        response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(readFileSync(path));
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      browser = await launchChromium();
      page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
      faults = watchPage(page, origin);
    }, 60_000);

    afterAll(async () => {
      await browser?.close();
      server?.close();
    });

    async function drop(entry: VectorCase, change: (bytes: Buffer) => Buffer): Promise<string> {
      const directory = vectorsDirectory() ?? '';
      const companions = Object.values(entry.companions ?? {}).flat();
      const files = [...companions, entry.evidence].map((path) => ({
        name: path.split('/').at(-1) ?? path,
        mimeType: 'application/octet-stream',
        buffer: path === entry.evidence ? change(readFileSync(join(directory, path))) : readFileSync(join(directory, path)),
      }));
      await page.goto(`${origin}/verify.html`);
      await page.getByText('Time, policy, nonce').click();
      await page.getByLabel(/Verify as of/).fill(entry.at ?? '');
      await page.getByLabel(/Drop evidence here/).setInputFiles(files);
      return (await page.locator('[data-outcome]').getAttribute('data-outcome', { timeout: 30_000 })) ?? '';
    }

    it.each(WANTED)('$tee: genuine evidence, and one changed bit in red', { timeout: 60_000 }, async (wanted) => {
      const entry = caseOf(wanted);
      expect(entry, 'a vector for this TEE').toBeDefined();
      if (entry === undefined) return;
      const first = await drop(entry, (bytes) => bytes);
      expect(first, await page.locator('main').innerText()).toBe('accepted');
      expect(await page.locator('[data-check-outcome=pass]').count()).toBeGreaterThan(3);
      expect(await page.locator('[data-check-outcome=fail]').count()).toBe(0);
      expect(await page.getByText('no verdict').count(), 'companions that were read').toBe(0);
      await savePictures(page, `verify-${wanted.tee}`);
      const outcome = await drop(entry, (bytes) => {
        const at = wanted.offset(bytes);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes;
      });
      expect(outcome).toBe('not-authentic');
      expect(await page.locator('[data-check-outcome=fail]').count()).toBe(1);
      expect(await page.locator('[data-outcome] [data-tone=fail]').isVisible()).toBe(true);
      await savePictures(page, `verify-${wanted.tee}-changed`);
      expect(faults).toEqual([]);
    });
  },
);
