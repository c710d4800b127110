/** The owners' page on a phone of 390 pixels: the question about the simulator is answered by a button of one line, and addresses are read in one. */

import { chromiumPath, launchChromium } from '@assay/testing';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWNER_ADDRESSES, startOwnedAgent } from '../operator/owned-agent.ts';
import { visitOwned } from './owned-visit.ts';

const LONG_MS = 180_000;
/** What people read without effort, CSS pixels. */
const LEAST_FONT = 12;

describe.skipIf(chromiumPath() === null)("the owners' page on a phone", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  }, LONG_MS);
  afterAll(async () => {
    await browser?.close();
  });

  /** Lines that the text of an element takes. */
  const linesOf = (element: Locator): Promise<number> =>
    element.evaluate((found) => {
      const range = document.createRange();
      range.selectNodeContents(found);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    });

  it('answers the question about the simulator with a button of one line', { timeout: LONG_MS }, async () => {
    const agent = await startOwnedAgent();
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(`${agent.url}/owners`);
    const accept = page.getByRole('button', { name: 'Accept the simulator', exact: true });
    await accept.waitFor({ timeout: LONG_MS });
    expect(await linesOf(accept)).toBe(1);
    await context.close();
  });

  it('shows each address in one line, in letters that can be read', { timeout: LONG_MS }, async () => {
    const agent = await startOwnedAgent();
    const page = await visitOwned(browser, agent);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${agent.url}/owners`);
    const addresses = page.locator('dl.facts code.signer');
    await addresses.first().waitFor({ timeout: LONG_MS });
    expect(await addresses.allInnerTexts()).toEqual(OWNER_ADDRESSES);
    for (const address of await addresses.all()) {
      expect(await linesOf(address)).toBe(1);
      expect(await address.evaluate((found) => Number.parseFloat(getComputedStyle(found).fontSize))).toBeGreaterThanOrEqual(
        LEAST_FONT,
      );
    }
  });
});
