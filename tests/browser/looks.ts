/** The four looks of a page, each with a picture of its own: two widths of screen, two colour schemes. */

import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Where the pictures are left to be looked at. */
export const PICTURES: string = new URL('./output/', import.meta.url).pathname;

export const LOOKS = [
  { name: 'desktop-light', viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { name: 'desktop-dark', viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  { name: 'phone-light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
] as const;

/** Shows the page in each of {@link LOOKS}, and then as it was. */
export async function inEachLook(page: Page, visit: (look: string) => Promise<unknown>): Promise<void> {
  const before = page.viewportSize();
  for (const { name, viewport, colorScheme } of LOOKS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await visit(name);
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
}

/** Saves a picture of the whole page as `name`, and expects nothing to be wider than the screen. */
export async function savePicture(page: Page, name: string): Promise<void> {
  // A tab in the background is not drawn: its colours would be those of before.
  await page.bringToFront();
  await page.evaluate(async () => {
    scrollTo(0, 0);
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    // Buttons take a moment to change their colours with the scheme.
    await new Promise((changed) => setTimeout(changed, 200));
  });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, `${name}: pixels wider than the screen`).toBe(0);
}

/** Saves four pictures of the page, `LOOK-name` each. */
export function savePictures(page: Page, name: string): Promise<void> {
  return inEachLook(page, (look) => savePicture(page, `${look}-${name}`));
}
