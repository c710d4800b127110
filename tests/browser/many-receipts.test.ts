/** A thousand receipts: the list reads them page by page while one scrolls, and only lays out those in sight. */

import type { AddressInfo } from 'node:net';
import { chromiumPath, launchChromium } from '@assay/testing';
import { serve } from '@hono/node-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConsole } from '../../packages/agent/src/http/routes/console.ts';
import { startTestAgent } from '../e2e/agent.ts';
import { savePicture, savePictures } from './looks.ts';

const COUNT = 1000;

describe.skipIf(chromiumPath() === null)('a thousand receipts', () => {
  it('are all listed by scrolling, and one of them is found by its words', { timeout: 300_000 }, async () => {
    const agent = await startTestAgent({
      console: loadConsole(new URL('../../packages/web/dist/', import.meta.url).pathname),
      environment: { ASSAY_RATE_LIMIT: '100000', ASSAY_LOG_LEVEL: 'silent' },
    });
    for (let number = 1; number <= COUNT; number += 1)
      await agent.process({ type: 'file_write', path: `/tmp/${number}.txt`, content: 'x' });
    const server = serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async ({ url: asked, method, headers, body }) => {
        const { pathname, search } = new URL(asked);
        const sent = method === 'GET' ? null : await new Response(body).arrayBuffer();
        return agent.request(pathname + search, { method, headers, body: sent });
      },
    });
    onTestFinished(() => void server.close());
    await new Promise((listening) => server.once('listening', listening));
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/receipts`);
    await page.getByRole('button', { name: 'Accept the simulator' }).click();
    const rows = page.locator('.rows li');
    for (let known = 0; known < COUNT; known = await rows.count()) {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await page.waitForFunction((before) => document.querySelectorAll('.rows li').length > before, known);
    }
    expect(await rows.count()).toBe(COUNT);
    expect(
      await page
        .getByRole('list', { name: `Receipts ${COUNT - 19} to ${COUNT}` })
        .getByRole('listitem')
        .count(),
    ).toBe(20);
    const skipped = await page.evaluate(
      () =>
        [...document.querySelectorAll('.rows li > *')].filter((row) => !row.checkVisibility({ contentVisibilityAuto: true }))
          .length,
    );
    expect(skipped, 'rows out of sight that are not laid out').toBeGreaterThan(COUNT / 2);
    await page.getByLabel('Search the receipts').fill('/tmp/777.txt');
    await page.getByRole('status').filter({ hasText: '1 receipt' }).waitFor();
    await page.getByLabel('Search the receipts').fill('no such words');
    await page.getByRole('heading', { name: 'No receipt matches' }).waitFor();
    await savePictures(page, 'receipts-none');
    await page.getByRole('button', { name: 'Show all receipts' }).click();
    await rows.first().waitFor();
    await savePicture(page, 'receipts-many');
  });
});
