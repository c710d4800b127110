/** Focus rings: every element the keyboard reaches shows one, and nothing cuts it. */

import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { PICTURES } from './looks.ts';

/** More elements than a page of the console has: a page where Tab never returns fails. */
const MOST_STOPS = 400;
/** Stops that are kept as a picture of the screen. */
const RECORDED: ReadonlySet<number> = new Set([4, 9, 14, 18, 22]);

/**
 * Presses Tab through the page once. Expects a ring of at least 2 pixels at each stop, on the element or on one that stands for it, and
 * that no scrolling or clipping box around it hides a part of the ring.
 */
export async function expectFocusRings(page: Page, name: string): Promise<void> {
  await page.bringToFront();
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    scrollTo(0, 0);
  });
  const faults = new Set<string>();
  const seen = new Set<string>();
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press('Tab');
    const { key, fault } = await page.evaluate(ringAtFocus);
    // Behind the last element comes the browser itself, and then the first.
    if (key === '') continue;
    if (seen.has(key)) break;
    seen.add(key);
    if (fault !== '') faults.add(fault);
    if (RECORDED.has(seen.size)) await page.screenshot({ path: join(PICTURES, `focus-${name}-${seen.size}.png`) });
  }
  expect(seen.size, `${name}: stops of the keyboard`).toBeGreaterThan(5);
  expect([...faults], name).toEqual([]);
}

/** Runs in the page: which element has the focus, and what is wrong with its ring. */
async function ringAtFocus(): Promise<{ readonly key: string; readonly fault: string }> {
  // Where motion is reduced, an outline changes within a frame, not at once.
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement) || focused === document.body) return { key: '', fault: '' };
  const pathOf = (element: Element | null): string =>
    element === null ? '' : `${pathOf(element.parentElement)}/${[...(element.parentElement?.children ?? [])].indexOf(element)}`;
  const key = pathOf(focused);
  const named = `<${focused.tagName.toLowerCase()} class="${focused.className}"> ${focused.innerText.slice(0, 40).replaceAll('\n', ' ')}`;

  const ringed = (element: Element): boolean => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
  };
  let ring: Element | null = focused;
  // A row or a drop zone shows the ring of the link or the hidden field in it.
  while (ring !== null && !ringed(ring)) ring = ring.parentElement;
  ring ??= focused.closest('.drop')?.querySelector('.button.is-primary') ?? null;
  if (ring === null || !ringed(ring)) return { key, fault: `no ring: ${named}` };

  const { outlineOffset, outlineWidth } = getComputedStyle(ring);
  const out = Number.parseFloat(outlineOffset) + Number.parseFloat(outlineWidth);
  const box = ring.getBoundingClientRect();
  const edges = { left: box.left - out, top: box.top - out, right: box.right + out, bottom: box.bottom + out };
  for (let around = ring.parentElement; around !== null && around !== document.body; around = around.parentElement) {
    const { overflowX, overflowY, contentVisibility } = getComputedStyle(around);
    const paints = contentVisibility === 'visible';
    const outer = around.getBoundingClientRect();
    const left = outer.left + around.clientLeft;
    const top = outer.top + around.clientTop;
    const [right, bottom] = [left + around.clientWidth, top + around.clientHeight];
    const cutX = (overflowX !== 'visible' || !paints) && (edges.left < left - 0.5 || edges.right > right + 0.5);
    const cutY = (overflowY !== 'visible' || !paints) && (edges.top < top - 0.5 || edges.bottom > bottom + 0.5);
    if (cutX || cutY) {
      const by = [left - edges.left, top - edges.top, edges.right - right, edges.bottom - bottom].map((part) =>
        part.toFixed(1),
      );
      return { key, fault: `ring cut by .${around.className || around.tagName}, ${by.join(' ')}: ${named}` };
    }
  }
  const wide = document.documentElement.clientWidth;
  if (edges.left < -0.5 || edges.right > wide + 0.5) return { key, fault: `ring beyond the screen: ${named}` };
  return { key, fault: '' };
}
