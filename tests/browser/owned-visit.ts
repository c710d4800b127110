/** Opens the console of an agent that belongs to owners. */

import type { Browser, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { API_KEY, type OwnedAgent } from '../operator/owned-agent.ts';

export const WIDE = { width: 1280, height: 900 };

/** A page in a browser context of its own, which accepted the simulator and has the key. */
export async function visitOwned(browser: Browser, agent: OwnedAgent): Promise<Page> {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const root = await (await agent.request('/simulated-root.pem')).text();
  await page.addInitScript(
    ([pem, key]) => {
      localStorage.setItem('assay.simulated-root', pem ?? '');
      sessionStorage.setItem('assay.api-key', key ?? '');
    },
    [root, API_KEY],
  );
  return page;
}
