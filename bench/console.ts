/**
 * How fast the console is in a real Chromium, at a real agent on loopback, on a desktop's and a phone's screen.
 *
 *   npm run build:web && npm run bench:console
 *
 * 1. first load of each page, kB gzip (reach: ≤ 60), and of the verifier (≤ 150);
 * 2. first contentful paint of each page, median of 5 visits with an empty cache (reach: ≤ 1 s);
 * 3. from a click to the next frame, 95 of 100 (reach: ≤ 100 ms);
 * 4. 1,000 receipts: scrolled to the end, time of a frame (reach: smooth, 95 of 100 frames ≤ 50 ms).
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { parseConfig, startAgent } from '../packages/agent/src/index.ts';
import { launchChromium } from '../packages/testing/src/chromium.ts';
import { consoleWeight } from '../tests/browser/console-weight.ts';
import { programOptions } from '../tools/program-options.ts';

programOptions({
  call: 'npm run bench:console',
  does: 'How fast the console is in a real Chromium; npm run build:web first.',
  options: {},
});
const RECEIPTS = 1000;
const VISITS = 5;
const CLICKS = 20;
const PAGES = ['developer', 'tasks', 'chat', 'receipts', 'verify', 'contracts', 'owners', 'status'];
const SCREENS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;

const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const row = (what: string, measured: string, reach: string): void => console.log(`| ${what} | ${measured} | ${reach} |`);

const directory = mkdtempSync(join(tmpdir(), 'assay-bench-console-'));
const agent = await startAgent(
  parseConfig({
    ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' },
    ASSAY_RATE_LIMIT: '1000000',
  }),
);
await agent.ready;
const browser = await launchChromium();

/** A page of a browser with an empty cache that accepted the simulator. */
async function visitor(viewport: { readonly width: number; readonly height: number }): Promise<Page> {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const root = await (await fetch(`${agent.url}/simulated-root.pem`)).text();
  await page.addInitScript((pem) => localStorage.setItem('assay.simulated-root', pem), root);
  return page;
}

/** Milliseconds until the first contentful paint. */
async function firstPaint(path: string, viewport: (typeof SCREENS)[keyof typeof SCREENS]): Promise<number> {
  const page = await visitor(viewport);
  await page.goto(`${agent.url}/${path}`);
  const paint = await page.evaluate(
    () =>
      new Promise<number>((painted) => {
        const known = performance.getEntriesByName('first-contentful-paint')[0];
        if (known !== undefined) return painted(known.startTime);
        new PerformanceObserver((list) => {
          for (const entry of list.getEntriesByName('first-contentful-paint')) painted(entry.startTime);
        }).observe({ type: 'paint', buffered: true });
      }),
  );
  await page.context().close();
  return paint;
}

/** Milliseconds from clicks to the frame that shows what they did. */
function clicks(page: Page, selector: string): Promise<readonly number[]> {
  return page.evaluate(
    async ([chosen, count]) => {
      const times: number[] = [];
      for (let turn = 0; turn < Number(count); turn += 1) {
        const targets = document.querySelectorAll<HTMLElement>(String(chosen));
        const before = performance.now();
        targets[turn % targets.length]?.click();
        await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 0)));
        times.push(performance.now() - before);
      }
      return times;
    },
    [selector, CLICKS],
  );
}

/** Times of the frames while the list is scrolled to its end. */
function scrolled(page: Page): Promise<readonly number[]> {
  return page.evaluate(async (count) => {
    const frames: number[] = [];
    let last = performance.now();
    while (document.querySelectorAll('.rows li').length < count || scrollY + innerHeight < document.body.scrollHeight - 2) {
      scrollBy(0, 400);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    return frames;
  }, RECEIPTS);
}

try {
  console.log('| what | measured | reach |\n| --- | --- | --- |');
  const weight = consoleWeight();
  if (weight === null) throw new Error('the console is not built: npm run build:web');
  const kilobytes = (bytes: number | null): string => `${((bytes ?? Number.NaN) / 1000).toFixed(1)} kB gzip`;
  for (const path of PAGES) row(`/${path}, first load`, kilobytes(weight.page(path)), '≤ 60 kB');
  row('the verifier, on demand', kilobytes(weight.verifier()), '≤ 150 kB');
  for (const [screen, viewport] of Object.entries(SCREENS))
    for (const path of PAGES) {
      const paints: number[] = [];
      for (let visit = 0; visit < VISITS; visit += 1) paints.push(await firstPaint(path, viewport));
      row(`/${path}, first contentful paint, ${screen}`, `${at(paints, 0.5).toFixed(0)} ms`, '≤ 1,000 ms');
    }
  for (let number = 1; number <= RECEIPTS; number += 1) {
    const data = { type: 'file_write', path: `/tmp/${number % 200}.txt`, content: 'x' };
    const answer = await fetch(`${agent.url}/api/process`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ data }),
    });
    if (!answer.ok) throw new Error(`receipt ${number}: ${answer.status} ${await answer.text()}`);
    await answer.body?.cancel();
  }
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const page = await visitor(viewport);
    await page.goto(`${agent.url}/receipts`);
    await page.locator('.rows li').first().waitFor();
    const frames = await scrolled(page);
    row(
      `${RECEIPTS} receipts scrolled, frame, ${screen}`,
      `median ${at(frames, 0.5).toFixed(0)} ms, 95 of 100 within ${at(frames, 0.95).toFixed(0)} ms`,
      '≤ 50 ms',
    );
    await page.goto(`${agent.url}/tasks`);
    await page.locator('[data-task]').first().waitFor();
    const chips = await clicks(page, '.chip');
    row(`click on a filter of the tasks, ${screen}`, `95 of 100 within ${at(chips, 0.95).toFixed(0)} ms`, '≤ 100 ms');
    await page.goto(`${agent.url}/receipts`);
    await page.locator('a.row-link').first().click();
    await page.getByRole('tab').first().waitFor();
    const tabs = await clicks(page, '[role=tab]');
    row(`click on a tab of a receipt, ${screen}`, `95 of 100 within ${at(tabs, 0.95).toFixed(0)} ms`, '≤ 100 ms');
    await page.context().close();
  }
} finally {
  await browser.close();
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
}
