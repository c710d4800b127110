/** The record of a comparison, dropped into the verify page: its verdict is drawn with both wealths, and an edited one is not drawn. Needs Chromium. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { chromiumPath, launchChromium, transcript, watchPage } from '@assay/testing';
import { SMALL_RECIPE, startModelServer, zooOf } from '@assay/testing/model-zoo';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { expectAccessibleInEachLook } from './axe.ts';

const DIST = new URL('../../packages/web/dist/', import.meta.url).pathname;
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

describe.skipIf(chromiumPath() === null || !existsSync(join(DIST, 'verify.html')))('a comparison on the verify page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-browser-compare-'));
  let server: Server;
  let browser: Browser;
  let page: Page;
  let origin = '';
  let faults: readonly string[];

  beforeAll(async () => {
    const zoo = zooOf(SMALL_RECIPE);
    const [reference, candidate] = await Promise.all([
      startModelServer({ model: zoo.textModel('base', zoo.base) }),
      startModelServer({ model: zoo.textModel('base', zoo.stored('Q4_0')) }),
    ]);
    const io = transcript({
      ...{ cwd: folder, now: Date.now(), fetch: globalThis.fetch },
      env: { ASSAY_DATA_DIR: folder, ASSAY_ATTESTER: 'simulated' },
    });
    expect(await run(['compare', '--mode', 'quick', '--ref-model', reference.url, '--cand-model', candidate.url], io)).toBe(6);
    await Promise.all([reference.close(), candidate.close()]);
    server = createServer((request, response) => {
      const path = resolve(DIST, `.${new URL(request.url ?? '/', 'http://x').pathname}`);
      if (!path.startsWith(DIST) || !existsSync(path)) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(readFileSync(path));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
    page = await browser.newPage();
    const root = readFileSync(join(folder, 'comparison', 'log', 'simulated-root.pem'), 'utf8');
    await page.addInitScript((pem) => localStorage.setItem('assay.simulated-root', pem), root);
    faults = watchPage(page, origin);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function drop(text: string): Promise<string | null> {
    await page.goto(`${origin}/verify.html`);
    const file = { name: 'comparison.json', mimeType: 'application/json', buffer: Buffer.from(text) };
    await page.getByLabel(/Drop evidence here/).setInputFiles([file]);
    return page.locator('[data-outcome]').getAttribute('data-outcome', { timeout: 60_000 });
  }

  it('is drawn: a point for each query, and the line of the verdict ends highest', { timeout: 90_000 }, async () => {
    const text = readFileSync(join(folder, 'comparison', 'comparison.json'), 'utf8');
    const { queries } = JSON.parse(text) as { queries: unknown[] };
    expect(await drop(text)).toBe('accepted');
    const chart = page.locator('[data-comparison=DIFFERENT]');
    await chart.waitFor();
    const heightsOf = async (name: string): Promise<number[]> =>
      ((await chart.locator(`[data-line=${name}]`).getAttribute('points')) ?? '')
        .split(' ')
        .map((point) => Number(point.split(',')[1]));
    const [different, same] = [await heightsOf('different'), await heightsOf('same')];
    expect([different.length, same.length]).toEqual([queries.length + 1, queries.length + 1]);
    expect(different.at(-1)!).toBeLessThan(Math.min(...same)); // downwards on a screen
    expect(await chart.getByRole('img').getAttribute('aria-label')).toContain(`DIFFERENT after ${queries.length} queries`);
    await expectAccessibleInEachLook(page, 'comparison');
    expect(faults).toEqual([]);
  });

  it('is not drawn when a query was edited', { timeout: 90_000 }, async () => {
    const text = readFileSync(join(folder, 'comparison', 'comparison.json'), 'utf8').replace('"variant": 0', '"variant": 1');
    expect(await drop(text)).not.toBe('accepted');
    expect(await page.locator('[data-comparison]').count()).toBe(0);
  });
});
