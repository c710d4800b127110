/**
 * Every page of the console, at a desktop's and a phone's width, in both colour schemes, against axe-core (WCAG 2.2 A and AA): no finding
 * of any weight. Saves a picture of each.
 */

import { chromiumPath, fenced, launchChromium } from '@assay/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { RunningAgent } from '../../packages/agent/src/index.ts';
import { expectAccessible } from './axe.ts';
import { expectFocusRings } from './focus.ts';
import { LOOKS } from './looks.ts';
import { type ScriptedAgent, startScriptedAgent } from './scripted-agent.ts';

describe.skipIf(chromiumPath() === null)('accessibility of the console', () => {
  let scripted: ScriptedAgent;
  let agent: RunningAgent;
  let browser: Browser;

  beforeAll(async () => {
    scripted = await startScriptedAgent(() => fenced('python', 'import math\n# ten\nprint(math.factorial(10))'));
    agent = scripted.agent;
    browser = await launchChromium();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await scripted?.close();
  });

  describe.each(LOOKS)('$name', ({ name, viewport, colorScheme }) => {
    let context: BrowserContext;
    let page: Page;

    beforeAll(async () => {
      context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      page = await context.newPage();
    });
    afterAll(async () => {
      await context?.close();
    });

    async function check(what: string): Promise<void> {
      await expectAccessible(page, `${name}-${what}`);
      await expectFocusRings(page, `${name}-${what}`);
    }

    it('the first visit, the question about the simulator, and a finished task', { timeout: 120_000 }, async () => {
      await page.goto(`${agent.url}/developer`);
      await page.locator('[data-strip=tee]').waitFor();
      await check('first-visit');
      await page.getByRole('button', { name: 'Accept the simulator, 🤖 Generate & Execute' }).click();
      await page.locator('[data-outcome=accepted]').waitFor({ timeout: 60_000 });
      await check('finished');
    });

    it.each(['receipts', 'chat', 'verify', 'contracts', 'owners', 'status', 'no-such-page'])(
      '/%s',
      { timeout: 60_000 },
      async (path) => {
        await page.goto(`${agent.url}/${path}`);
        await page.locator('[data-strip=sandbox]').waitFor();
        if (path === 'owners') await page.getByText('This agent has no owners').waitFor();
        if (path === 'receipts') await page.locator('a.row-link').first().waitFor();
        await check(path);
      },
    );

    it('tasks: the list, a new one, a review, one that failed', { timeout: 120_000 }, async () => {
      await page.goto(`${agent.url}/tasks`);
      await page.locator('[data-task]').first().waitFor();
      await check('tasks');
      await page.goto(`${agent.url}/tasks/new`);
      await page.getByLabel('What should it do?').fill('Calculate the factorial of 10');
      await check('new-task');
      await page.getByLabel(/Review the code before it runs/).check();
      await page.getByRole('button', { name: 'Start' }).click();
      await page.locator('[data-review]').waitFor({ timeout: 60_000 });
      await check('task-review');
      await page
        .getByRole('textbox', { name: /Program/ })
        .fill('print("table")\nopen("/tmp/a.csv", "w").write("a,b\\n1,2\\n")\n1 / 0');
      await page.getByRole('button', { name: 'Run the edited code' }).click();
      await page.locator('[data-review="2"]').waitFor({ timeout: 60_000 });
      await page.locator('[data-attempt="1"] summary').first().click();
      await check('task-second-review');
      await page.getByRole('button', { name: 'Discard' }).click();
      await page.locator('[data-outcome=accepted]').waitFor({ timeout: 60_000 });
      await check('task-ended');
    });

    it('a receipt', { timeout: 60_000 }, async () => {
      await page.goto(`${agent.url}/receipts`);
      await page.locator('a.row-link').first().click();
      await page.locator('[data-outcome=accepted]').waitFor();
      await check('receipt');
    });
  });
});
