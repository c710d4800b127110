/**
 * What the verify page says to somebody who gives it too little, old evidence or a changed file: a companion is called one and nothing
 * else, a time that can be set is named where it stands, and a changed byte is named before a root. Needs Chromium.
 */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { chromiumPath, launchChromium, watchPage } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, startOwnedAgent } from '../operator/owned-agent.ts';
import { expectAccessibleInEachLook } from './axe.ts';
import { PICTURES } from './looks.ts';

const DIST = new URL('../../packages/web/dist/', import.meta.url).pathname;
const EVIDENCE = new URL('../../examples/evidence/', import.meta.url).pathname;
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

interface DroppedFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}
const fileOf = (name: string, buffer: Buffer): DroppedFile => ({ name, mimeType: 'application/octet-stream', buffer });
const example = (name: string): DroppedFile => fileOf(name, readFileSync(join(EVIDENCE, name)));

describe.skipIf(chromiumPath() === null || !existsSync(join(DIST, 'verify.html')))('the verify page', () => {
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
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    faults = watchPage(page, origin);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function drop(...files: readonly DroppedFile[]): Promise<void> {
    await page.goto(`${origin}/verify.html`);
    await page.getByLabel(/Drop evidence here/).setInputFiles(files);
  }

  it('calls collateral alone a companion, and asks for its evidence', { timeout: 120_000 }, async () => {
    await drop(example('tdx.collateral.json'));
    await page.locator('[data-companions-alone="1"]', { hasText: 'Drop the evidence that it belongs to' }).waitFor();
    const shown = await page.locator('main').innerText();
    expect(shown).not.toMatch(/malformed|not recognised|unrecognised|Taken as companions/i);
    expect(await page.locator('[data-outcome]').count()).toBe(0);
    await expectAccessibleInEachLook(page, 'verify-companion-alone');
    await page.getByLabel(/Drop evidence here/).setInputFiles([example('tdx.collateral.json'), example('tdx.quote')]);
    await page.locator('[data-outcome]').waitFor();
    expect(await page.locator('[data-companions-alone]').count()).toBe(0);
    await page.getByText('Taken as companions: tdx.collateral.json').waitFor();
  });

  it('says where a time can be set for old evidence, and keeps that field open', { timeout: 120_000 }, async () => {
    await drop(example('nitro.cose'));
    await page.locator('[data-outcome=not-authentic]').waitFor();
    const nudge = page.locator('[data-time-nudge]', { hasText: 'set “Verify as of” above' });
    await nudge.waitFor();
    expect(await nudge.innerText()).toContain(await page.locator('summary', { hasText: 'Time, policy, nonce' }).innerText());
    const field = page.getByLabel('Verify as of');
    await field.waitFor({ state: 'visible' });
    await expectAccessibleInEachLook(page, 'verify-old-evidence');
    await field.fill('2021-03-17T22:01:55Z');
    await page.locator('[data-outcome=accepted]').waitFor();
    expect(await page.locator('[data-time-nudge]').count()).toBe(0);
    expect(await field.isVisible()).toBe(true);
  });

  it('says of each policy what it demands', { timeout: 60_000 }, async () => {
    await drop(example('nitro.cose'));
    const choice = page.getByLabel('Policy', { exact: true });
    await page.getByText('Measurements and age are not checked.').waitFor();
    await choice.selectOption('strict');
    await page.getByText('Hardware evidence at most an hour old').waitFor();
    expect(await page.locator('main').innerText()).not.toContain('The default is strict');
  });

  it('names a byte that was changed, also where the root is not trusted', { timeout: 120_000 }, async () => {
    const agent = await startOwnedAgent();
    const headers = { authorization: `Bearer ${API_KEY}` };
    const { receipts } = (await (await agent.request('/api/receipts', { headers })).json()) as {
      receipts: { receipt_id: string }[];
    };
    const text = await (await agent.request(`/bundles/${receipts[0]?.receipt_id}`, { headers })).text();
    await drop(fileOf('bundle.json', Buffer.from(text)));
    await page.locator('[data-check="certificate.root-not-trusted"]').waitFor();
    const { payloads } = JSON.parse(text) as { payloads: { bytes: string }[] };
    const [{ bytes: content = '' } = {}] = payloads;
    const changed = `${content[0] === 'e' ? 'f' : 'e'}${content.slice(1)}`;
    expect(text.split(content)).toHaveLength(2);
    await drop(fileOf('bundle.json', Buffer.from(text.replace(content, changed))));
    await page.locator('[data-check="bundle.payload-mismatch"][data-check-outcome=fail]').waitFor();
    expect(await page.locator('main').innerText()).toContain('the file was changed');
    await expectAccessibleInEachLook(page, 'verify-changed-bundle');
    expect(faults).toEqual([]);
  });
});
