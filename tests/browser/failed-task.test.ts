/**
 * A task that fails, as a person sees it with no model connected: one line in the steps, how it ended in words, the traceback as it was
 * printed, no second try of the same recording, and a receipt that says why in a sentence.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath, launchChromium } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { expectAccessible } from './axe.ts';
import { inEachLook, PICTURES } from './looks.ts';

const LINE = 'ValueError: expected a number of rows between one and ten thousand, and got none at all; name the file to count';
const CODE = `def count(rows):\n    raise ValueError('${LINE.slice('ValueError: '.length)}')\n\ncount([])\n`;
const LONG_MS = 120_000;

describe.skipIf(chromiumPath() === null)('a task that fails', () => {
  let directory: string;
  let agent: RunningAgent;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    directory = mkdtempSync(join(tmpdir(), 'assay-failed-'));
    agent = await startAgent(
      parseConfig({ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' }),
    );
    await agent.ready;
    browser = await launchChromium();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
    page = await context.newPage();
    await page.goto(`${agent.url}/status`);
    await page.getByRole('button', { name: 'Accept the simulator' }).click();
    await page.locator('[data-strip=sandbox]').waitFor();
  }, LONG_MS);
  afterAll(async () => {
    await browser?.close();
    await agent?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** At both sizes, in both schemes. */
  function accessible(name: string): Promise<void> {
    return inEachLook(page, async (look) => {
      await expectAccessible(page, `${look}-${name}`);
      expect(await overlapping(page), look).toEqual([]);
    });
  }

  const steps = (): Promise<string[]> =>
    page
      .locator('[data-step]')
      .evaluateAll((all) => all.map((step) => `${step.getAttribute('data-step')} ${step.getAttribute('data-state')}`));

  it('shows the exception line once, below its step, and the traceback as it was printed', { timeout: LONG_MS }, async () => {
    await page.goto(`${agent.url}/developer`);
    await page.getByLabel('What to do').selectOption('own-code');
    await page.getByLabel('Code', { exact: true }).fill(CODE);
    await page.getByRole('button', { name: 'Execute' }).click();
    await page.locator('[data-outcome]').waitFor({ timeout: LONG_MS });
    expect(await steps()).toEqual(['running-1 fail', 'sealing pass', 'logged pass']);
    expect(await page.locator('.step-detail').allInnerTexts()).toEqual([LINE]);
    const alert = await page.getByRole('alert').innerText();
    expect(alert).toContain('The program ended with an error.');
    expect(alert).not.toContain('ValueError');
    const printed = await page.locator('[data-stderr]').innerText();
    expect(printed.split('\n').length).toBeGreaterThan(3);
    expect(printed).toMatch(/\n {2}File "/);
    expect(await page.locator('[data-output]').count()).toBe(0);
    await page.getByText('The program printed nothing.').waitFor();
    await accessible('failed-own-code');
  });

  it('has a receipt that says why in a sentence, with the raw answer folded', { timeout: LONG_MS }, async () => {
    await page.getByRole('link', { name: 'Receipt', exact: true }).click();
    await page.locator('[data-outcome=accepted]').waitFor({ timeout: LONG_MS });
    const ended = page.locator('[data-story=failed]');
    expect(await ended.locator('p').first().innerText()).toBe(`task/code-failed: ${LINE}`);
    const raw = ended.locator('details', { hasText: 'Raw answer' });
    expect(await raw.evaluate((details) => (details as HTMLDetailsElement).open)).toBe(false);
    expect(await page.getByText('What the model was shown').count()).toBe(0);
    await raw.locator('summary').first().click();
    expect((await raw.locator('pre').innerText()).split('\n').length).toBeGreaterThan(5);
    await accessible('failed-receipt');
  });

  it('plays no recording twice, and leaves no step waiting', { timeout: LONG_MS }, async () => {
    await page.goto(`${agent.url}/developer`);
    await page.getByLabel('Description').fill('Plot sales by region');
    await page
      .getByLabel('Files')
      .setInputFiles({ name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from('region,sales\nNorth,many\n') });
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-outcome]').waitFor({ timeout: LONG_MS });
    expect(await steps()).toEqual(['writing-1 pass', 'running-1 fail', 'sealing pass', 'logged pass']);
    await accessible('failed-recording');
    expect(await page.getByText('Recorded answer').count()).toBe(1);
    await page.getByRole('link', { name: 'Page of this task' }).click();
    await page.getByText('fits the sample files of its demo').waitFor();
    await page.goto(`${agent.url}/developer`);

    await page.getByLabel('Description').fill('A task that was never recorded');
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.getByText('no AI model is connected').first().waitFor({ timeout: LONG_MS });
    expect(await page.getByText('Recorded answer').count()).toBe(0);
    await accessible('failed-no-model');

    const demos = page.getByRole('list', { name: 'Recorded demos' });
    expect(await demos.getByRole('listitem').count()).toBe(7);
    await demos.getByRole('button', { name: /Plot sales by region with a sample file/ }).click();
    await expect.poll(() => page.getByLabel('Description').inputValue()).toBe('Plot sales by region');
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-file]').first().waitFor({ timeout: LONG_MS });
    expect(await page.locator('[data-step=running-1]').getAttribute('data-state')).toBe('pass');

    await page.getByLabel('Description').fill('Read /tmp/missing.txt and print it');
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-step=writing-2]').waitFor();
    await page.locator('[data-step=logged]').waitFor({ timeout: LONG_MS });
    const again = page.locator('[data-step=retry-1]');
    expect(await again.getAttribute('data-state')).toBe('retry');
    expect(await page.locator('.steps').innerText()).not.toContain('waiting');
  });
});

/** Rows of the steps in which one text lies over another. */
function overlapping(page: Page): Promise<readonly string[]> {
  return page.locator('.steps li').evaluateAll((rows) =>
    rows.flatMap((row) => {
      const boxes = [...row.children]
        .map((child) => ({ text: child.textContent ?? '', box: child.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && box.height > 0);
      return boxes.flatMap(({ text, box }, at) =>
        boxes
          .slice(at + 1)
          .filter(({ box: other }) => {
            const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
            const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
            return wide > 1 && high > 1;
          })
          .map(({ text: other }) => `${text} / ${other}`),
      );
    }),
  );
}
