/** axe-core in a page of the console, and what every page must hold at any size. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { inEachLook, savePicture } from './looks.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Saves a picture of the page as `name`, and expects axe to find nothing in it and nothing to be wider than the screen. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  await savePicture(page, name);
  // The page allows no foreign script, so axe is not added to it but evaluated by the debugger.
  await page.evaluate(AXE);
  // A page that changes while axe reads it shows colours of two moments: what counts is where it comes to rest.
  await expect.poll(() => findingsOf(page), { message: name, timeout: 10_000, interval: 500 }).toEqual([]);
  expect(await page.evaluate(coveredByToasts), `${name}: links below a message that passes`).toEqual([]);
}

/** Runs in the page. */
function coveredByToasts(): string[] {
  const toasts = document.querySelector('.toasts')?.getBoundingClientRect();
  if (toasts === undefined || toasts.height === 0) return [];
  return [...document.querySelectorAll<HTMLElement>('.tabbar .nav')]
    .filter((link) => link.checkVisibility())
    .filter((link) => {
      const { left, right, top, bottom } = link.getBoundingClientRect();
      return left < toasts.right && right > toasts.left && top < toasts.bottom && bottom > toasts.top;
    })
    .map((link) => link.innerText);
}

/** {@link expectAccessible} in each look, as `LOOK-name`. */
export function expectAccessibleInEachLook(page: Page, name: string): Promise<void> {
  return inEachLook(page, (look) => expectAccessible(page, `${look}-${name}`));
}

async function findingsOf(page: Page): Promise<readonly string[]> {
  const { violations, passes } = (await page.evaluate('axe.run(document)')) as AxeResults;
  expect(passes.length, 'rules that axe found something to check for').toBeGreaterThan(10);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
