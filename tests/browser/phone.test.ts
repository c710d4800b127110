/**
 * The task list of a new user on a phone's screen, by touch alone: run, chart, retry, find a receipt, verify a file, pin a policy. Each step is
 * reached by what the screen shows; everything that is touched is at least 24 pixels high (WCAG 2.2, 2.5.8) and nothing is wider than the screen.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromiumPath, fenced, launchChromium, watchPage } from '@assay/testing';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAgent } from '../../packages/agent/src/index.ts';
import { savePictures } from './looks.ts';
import { type ScriptedAgent, startScriptedAgent } from './scripted-agent.ts';

const LEAST_HEIGHT = 24;
const CHART = `import base64
open('/tmp/chart.png', 'wb').write(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC'))
print(len(open('/tmp/sales.csv').readlines()))`;
const SALES = { name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from('region,sales\nnorth,3\nsouth,4\n') };

let scripted: ScriptedAgent;
let agent: RunningAgent;
let browser: Browser;
let page: Page;
let faults: readonly string[];

describe.skipIf(chromiumPath() === null)('a new user with a phone', () => {
  beforeAll(async () => {
    scripted = await startScriptedAgent(({ body }) => {
      const task = body.messages[1]?.content ?? '';
      if (task.includes('Plot sales')) return fenced('python', CHART);
      if (task.includes('settings') && body.messages.length === 2)
        return fenced('python', "print(open('/tmp/settings').read())");
      if (task.includes('settings')) return fenced('python', "print('default')");
      return fenced('python', 'import math\nprint(math.factorial(10))');
    });
    agent = scripted.agent;
    browser = await launchChromium();
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
      deviceScaleFactor: 2,
      colorScheme: 'light',
      reducedMotion: 'reduce',
    });
    page = await context.newPage();
    faults = watchPage(page, agent.url);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await scripted?.close();
  });

  afterEach(() => {
    expect(faults).toEqual([]);
  });

  /** Touches what is there, if a finger can. */
  async function tap(target: Locator): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const box = await target.boundingBox();
    expect(box?.height ?? 0, `height of ${target}`).toBeGreaterThanOrEqual(LEAST_HEIGHT);
    await target.tap();
  }

  async function picture(name: string): Promise<void> {
    await savePictures(page, `trial-${name}`);
  }

  /** By the bar at the bottom of the screen. */
  async function open(title: string): Promise<void> {
    const bar = page.getByRole('navigation', { name: 'Pages' }).filter({ visible: true });
    const link = bar.getByRole('link', { name: title });
    if (!(await link.isVisible())) await tap(bar.locator('summary'));
    await tap(link);
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
  }

  const outcome = (): Locator => page.locator('[data-outcome]').first();
  const accepted = (): Locator => page.locator('[data-outcome=accepted]').first();

  it('runs a first task with one touch', { timeout: 90_000 }, async () => {
    await page.goto(agent.url);
    await tap(page.getByRole('button', { name: /Accept the simulator, .*Execute/ }));
    await accepted().waitFor({ timeout: 60_000 });
    expect(await page.locator('[data-output]').innerText()).toContain('3628800');
    expect(await outcome().innerText()).toContain('Verified, simulated hardware');
    await picture('run');
  });

  it('draws a chart from a file of the phone', { timeout: 90_000 }, async () => {
    await open('Tasks');
    await tap(page.getByRole('link', { name: 'New task' }).filter({ visible: true }).first());
    await page.getByLabel('What should it do?').fill('Plot sales by region');
    await page.getByLabel('Files').setInputFiles(SALES);
    await picture('chart-asked');
    await tap(page.getByRole('button', { name: 'Start' }));
    await accepted().waitFor({ timeout: 60_000 });
    await expect
      .poll(() =>
        page
          .locator('img.plot')
          .first()
          .evaluate((image) => (image as HTMLImageElement).naturalWidth),
      )
      .toBe(10);
    await picture('chart');
  });

  it('sees why the first attempt failed, and runs the task again', { timeout: 120_000 }, async () => {
    await open('Tasks');
    await tap(page.getByRole('link', { name: 'New task' }).filter({ visible: true }).first());
    await page.getByLabel('What should it do?').fill('Print the settings');
    await tap(page.getByRole('button', { name: 'Start' }));
    await accepted().waitFor({ timeout: 60_000 });
    await tap(page.locator('[data-attempt="1"] summary').first());
    await expect.poll(() => page.locator('[data-attempt="1"]').innerText()).toContain('FileNotFoundError');
    await picture('retry');
    const first = page.url();
    await tap(page.getByRole('button', { name: 'Run again' }));
    await expect.poll(() => page.url()).not.toBe(first);
    await accepted().waitFor({ timeout: 60_000 });
  });

  it('finds the receipt of the chart, and takes its bundle', { timeout: 90_000 }, async () => {
    await open('Receipts');
    await page.getByLabel('Search the receipts').fill('plot sales');
    const found = page.getByRole('list', { name: 'Receipts' }).locator('a.row-link');
    await expect.poll(() => found.count()).toBe(1);
    await picture('receipts');
    await tap(found);
    await accepted().waitFor();
    await picture('receipt');
    const button = page.getByRole('button', { name: /bundle/i }).first();
    const [download] = await Promise.all([page.waitForEvent('download'), tap(button)]);
    await download.saveAs(join(scripted.directory, 'chart.bundle.json'));
  });

  it('verifies the file, pins its software, and sees another simulator refused', { timeout: 90_000 }, async () => {
    await open('Verify');
    const bytes = readFileSync(join(scripted.directory, 'chart.bundle.json'));
    const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/json', buffer });
    await page.getByLabel(/evidence here/).setInputFiles(file('chart.bundle.json', bytes));
    await accepted().waitFor();
    expect(await page.locator('[data-judged]').innerText()).toBe('chart.bundle.json');
    await picture('verify');
    await tap(page.getByRole('button', { name: 'Pin this software' }));
    await page.locator('[data-pinned]').waitFor();
    await accepted().waitFor();
    const save = page.locator('[data-pinned]').getByRole('button', { name: 'Download the policy' });
    const [download] = await Promise.all([page.waitForEvent('download'), tap(save)]);
    const policy = join(scripted.directory, 'policy.json');
    await download.saveAs(policy);
    await picture('pinned');

    await page.reload();
    await tap(page.locator('summary', { hasText: 'Time, policy, nonce' }));
    const other = JSON.parse(readFileSync(policy, 'utf8')) as { measurements: { values: Record<string, string[]> }[] };
    expect(other.measurements.length).toBeGreaterThan(0);
    for (const { values } of other.measurements) for (const name of Object.keys(values)) values[name] = ['00'.repeat(48)];
    await page.getByLabel('Policy of your own').setInputFiles(file('other.json', Buffer.from(JSON.stringify(other))));
    await page.getByLabel(/evidence here/).setInputFiles(file('chart.bundle.json', bytes));
    await page.locator('[data-outcome=refused]').waitFor();
    await picture('pin-refused');
  });
});
