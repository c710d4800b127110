/** axe-core in a page of the console, and what every page must hold at any size. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

export const PICTURES: string = new URL('./output/', import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Saves a picture of the page as `name`, and expects axe to find nothing in it and nothing to be wider than the screen. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  // A tab in the background is not drawn: its colours would be those of before.
  await page.bringToFront();
  await page.evaluate(() => {
    scrollTo(0, 0);
    return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  // The page allows no foreign script, so axe is not added to it but evaluated by the debugger.
  await page.evaluate(AXE);
  // A page that changes while axe reads it shows colours of two moments: what counts is where it comes to rest.
  await expect.poll(() => findingsOf(page), { message: name, timeout: 10_000, interval: 500 }).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, `${name}: pixels wider than the screen`).toBe(0);
}

async function findingsOf(page: Page): Promise<readonly string[]> {
  const { violations, passes } = (await page.evaluate('axe.run(document)')) as AxeResults;
  expect(passes.length, 'rules that axe found something to check for').toBeGreaterThan(10);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
