/**
 * `/tasks` and `/tasks/ID` in a real Chromium against a running agent: tasks are started, watched, reviewed, cancelled and run again; the
 * address survives reload, Back and another tab; hostile names and outputs stay inert; the page outlives a cut line and a restart.
 */

import { chromiumPath, fenced, launchChromium, watchPage } from '@assay/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAgent } from '../../packages/agent/src/index.ts';
import { savePictures } from './looks.ts';
import { type ScriptedAgent, startScriptedAgent } from './scripted-agent.ts';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC';

const REPORT = `import base64, csv, json
rows = list(csv.DictReader(open('/tmp/sales.csv')))
total = sum(float(row['revenue']) for row in rows)
print(f'Total Revenue: {total:.2f}')
with open('/tmp/by_region.csv', 'w') as out:
    writer = csv.writer(out)
    writer.writerow(['region', 'revenue'])
    writer.writerows([[row['region'], row['revenue']] for row in rows])
open('/tmp/chart.png', 'wb').write(base64.b64decode('${PNG}'))
open('/tmp/notes.txt', 'w').write('three files\\n')`;

const HOSTILE = `import sys
mark = '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>'
print(mark)
print(mark, file=sys.stderr)
open('/tmp/' + "<img src=x onerror=window.pwned=3>.svg", 'w').write('<svg xmlns="http://www.w3.org/2000/svg"><script>window.pwned=4</script></svg>')
open('/tmp/page.html', 'w').write('<script>window.pwned=5</script>')
open('/tmp/cells.csv', 'w').write('<b>name</b>,x\\n<script>window.pwned=6</script>,1\\n')
open('/tmp/fake.png', 'w').write('<svg onload="window.pwned=7">')`;

let scripted: ScriptedAgent;
let agent: RunningAgent;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let faults: readonly string[];

describe.skipIf(chromiumPath() === null)('tasks in the console', () => {
  beforeAll(async () => {
    scripted = await startScriptedAgent(({ body }) => {
      const task = body.messages[1]?.content ?? '';
      const first = body.messages.length === 2;
      if (task.includes('slowly'))
        return { kind: 'wire', pieces: [delta('```python\nprint(1)\n'), delta('# still writing\n')], ending: 'open' };
      if (task.includes('revenue by region'))
        return fenced('python', first ? REPORT.replace('sales.csv', 'missing.csv') : REPORT);
      if (task.includes('hostile')) return fenced('python', HOSTILE);
      if (task.includes('many files'))
        return fenced(
          'python',
          "for i in range(500): open(f'/tmp/file-{i:03}.txt', 'w').write(f'{i}')\nprint('x' * 50_000_000)",
        );
      if (task.includes('wait'))
        return fenced('python', "import time\nfor i in range(600):\n    print('tick', i, flush=True)\n    time.sleep(0.1)");
      return fenced('python', 'import math\nprint(math.factorial(10))');
    });
    agent = scripted.agent;
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    faults = watchPage(page, agent.url);
    await page.goto(`${agent.url}/tasks`);
    await page.getByRole('button', { name: 'Accept the simulator', exact: true }).click();
    await page.locator('[data-strip=sandbox]').waitFor();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await scripted?.close();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture('failure');
    // The browser itself reports connections that are refused while the agent is down, and a key that ended with the agent before.
    expect(faults.filter((fault) => !/ERR_(?:CONNECTION|INTERNET|NETWORK|INCOMPLETE)|status of 422/.test(fault))).toEqual([]);
  });

  /** At a desktop's width what a task can do stands beside its heading, also when its time has grown long. */
  async function expectActionsAtHeading(): Promise<void> {
    const [heading, action] = [page.getByRole('heading', { level: 1 }), page.getByRole('button', { name: 'Run again' })];
    await page.getByText(/ago$/).first().waitFor();
    const [above, at] = [await heading.boundingBox(), await action.boundingBox()];
    expect(at?.x ?? 0).toBeGreaterThan((above?.x ?? 0) + (above?.width ?? 0));
    expect(at?.y ?? 0).toBeLessThan((above?.y ?? 0) + 60);
  }

  const picture = (name: string): Promise<void> => savePictures(page, `tasks-${name}`);

  /** Starts a task through the form; the page is then the task's. */
  async function begin(description: string, { review = false, files = [] as readonly File_[] } = {}): Promise<string> {
    await page.goto(`${agent.url}/tasks/new`);
    await page.getByLabel('What should it do?').fill(description);
    if (files.length > 0) await page.getByLabel('Files').setInputFiles([...files]);
    if (review) await page.getByLabel(/Review the code before it runs/).check();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.waitForURL(/\/tasks\/[0-9a-f-]{36}$/);
    return page.url();
  }

  const ended = (status: string): Promise<void> => page.locator(`[data-task-status=${status}]`).waitFor({ timeout: 60_000 });
  const verified = (): Promise<void> => page.locator('[data-outcome=accepted]').waitFor({ timeout: 60_000 });

  it('begins empty, and says how to go on', { timeout: 60_000 }, async () => {
    await page.getByText('No tasks yet').waitFor();
    await picture('empty');
  });

  it('runs a task with files: both attempts are kept, files are shown, the receipt verifies', {
    timeout: 120_000,
  }, async () => {
    const sales = { name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from('region,revenue\nNorth,120\nSouth,80\n') };
    const url = await begin('Show revenue by region from /tmp/sales.csv', { files: [sales] });
    await ended('succeeded');
    await verified();
    expect(await page.locator('[data-attempt]').evaluateAll((all) => all.map((one) => one.getAttribute('data-state')))).toEqual(
      ['succeeded', 'failed'],
    );
    expect(await page.locator('[data-attempt="2"]').innerText()).toContain('Total Revenue: 200.00');
    await page.locator('[data-attempt="1"] summary').first().click();
    expect(await page.locator('[data-attempt="1"] [data-error]').innerText()).toContain('FileNotFoundError');
    expect(await page.locator('[data-attempt="1"]').innerText()).toContain('missing.csv');
    expect(await page.locator('img.plot').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(10);
    const table = page.locator('[data-preview=table]');
    expect(await table.locator('th').allInnerTexts()).toEqual(['region', 'revenue']);
    expect(await table.locator('td').allInnerTexts()).toEqual(['North', '120', 'South', '80']);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      table.getByRole('button', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('by_region.csv');
    await picture('finished');

    const before = await page.locator('.task-columns').innerText();
    await page.reload();
    await verified();
    await page.locator('[data-attempt="1"] summary').first().click();
    expect(await page.url()).toBe(url);
    expect(withoutTimes(await page.locator('.task-columns').innerText())).toBe(withoutTimes(before));
    const other = await context.newPage();
    await other.goto(url);
    await other.locator('[data-outcome=accepted]').waitFor({ timeout: 60_000 });
    expect(await other.locator('[data-attempt="2"]').innerText()).toContain('Total Revenue: 200.00');
    await other.close();
  });

  it('runs again under a new address, and Back leads to the old one', { timeout: 90_000 }, async () => {
    const old = page.url();
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((url) => url.href !== old && /tasks\/[0-9a-f-]{36}$/.test(url.pathname));
    await ended('succeeded');
    await verified();
    expect(await page.locator('[data-attempt="2"]').innerText()).toContain('Total Revenue: 200.00');
    await page.goBack();
    await page.waitForURL(old);
    await verified();
    await page.getByRole('link', { name: 'Edit and run' }).click();
    await page.getByRole('heading', { name: 'New task' }).waitFor();
    await page.locator('.chips').waitFor();
    expect(await page.getByLabel('What should it do?').inputValue()).toBe('Show revenue by region from /tmp/sales.csv');
    expect(await page.locator('.chips').innerText()).toContain('/tmp/sales.csv');
    await picture('edit');
  });

  it('shows what runs as it comes, in every tab, over a cut line, and cancels it', { timeout: 120_000 }, async () => {
    const url = await begin('wait a minute');
    await page.locator('[data-stage=running]').waitFor({ timeout: 30_000 });
    await page.getByText('tick 3', { exact: false }).first().waitFor();
    const other = await context.newPage();
    await other.goto(url);
    await other.getByText('tick 0', { exact: false }).first().waitFor();
    await picture('running');
    const count = async (): Promise<number> => (await page.locator('[data-attempt="1"]').innerText()).split('tick').length;
    await context.setOffline(true);
    await context.setOffline(false);
    const atCut = await count();
    await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(atCut + 5);
    const lines = (await page.locator('[data-attempt="1"] .output pre').first().innerText()).trimEnd().split('\n');
    expect(lines).toEqual(lines.map((_, index) => `tick ${index}`));
    await other.getByRole('button', { name: 'Cancel task' }).click();
    await ended('cancelled');
    await verified();
    expect(await page.locator('[data-attempt="1"]').innerText()).toContain('tick 3');
    await other.close();
    await expectActionsAtHeading();
    await picture('cancelled');
  });

  it('cancels while the model writes', { timeout: 60_000 }, async () => {
    await begin('Write slowly');
    await page.getByText('# still writing').waitFor();
    await picture('writing');
    await page.getByRole('button', { name: 'Cancel task' }).click();
    await ended('cancelled');
    await verified();
    expect(await page.locator('[data-attempt="1"]').getAttribute('data-state')).toBe('stopped');
    expect(await page.locator('main').innerText()).toContain('# still writing');
  });

  it('holds the code until it was reviewed, by keyboard alone, and runs the edited one', { timeout: 90_000 }, async () => {
    await page.goto(`${agent.url}/tasks/new`);
    await page.getByLabel('What should it do?').focus();
    await page.keyboard.type('Calculate the factorial of 10');
    await page.getByLabel(/Review the code before it runs/).focus();
    await page.keyboard.press('Space');
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-review="1"]').waitFor({ timeout: 30_000 });
    await ended('review');
    expect(await page.getByRole('textbox', { name: /Program/ }).inputValue()).toBe('import math\nprint(math.factorial(10))');
    await picture('review');
    await page.reload();
    await page.getByRole('textbox', { name: /Program/ }).focus();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('\nprint("edited")');
    await page.getByText('Edited', { exact: true }).waitFor();
    await page.keyboard.press('Control+Enter');
    await ended('succeeded');
    await verified();
    const attempt = page.locator('[data-attempt="1"]');
    expect(await attempt.innerText()).toMatch(/3628800\s+edited/);
    await attempt.getByText('As the model wrote it').click();
    await picture('reviewed');
  });

  it('discards code, which then never runs', { timeout: 60_000 }, async () => {
    await begin('Calculate the factorial of 10', { review: true });
    await page.getByRole('button', { name: 'Discard' }).click();
    await ended('cancelled');
    await verified();
    expect(await page.locator('main').innerText()).not.toContain('3628800');
  });

  it('draws nothing that programs or file names want it to', { timeout: 90_000 }, async () => {
    await begin('A hostile program');
    await ended('succeeded');
    await verified();
    for (const preview of await page.getByRole('button', { name: 'Preview' }).all()) await preview.click();
    await page.locator('[data-file="page.html"][data-preview=text]').waitFor();
    expect(
      await page.locator('[data-file]').evaluateAll((all) => all.map((one) => one.getAttribute('data-file')).sort()),
    ).toEqual(['<img src=x onerror=window.pwned=3>.svg', 'cells.csv', 'fake.png', 'page.html']);
    const main = page.locator('main');
    expect(await main.innerText()).toContain('<script>window.pwned=2</script>');
    expect(await main.locator('script, iframe, object, embed, img:not(.plot), svg:not(.icon)').count()).toBe(0);
    expect(await main.locator('img').count()).toBe(0); // what is called .png is none
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
    await picture('hostile');
  });

  it('stays usable with a long output and hundreds of files', { timeout: 120_000 }, async () => {
    await begin('Make many files');
    await page.locator('[data-task-status=succeeded], [data-task-status=failed]').waitFor({ timeout: 60_000 });
    await verified();
    const shown = await page.locator('[data-attempt="1"]').evaluate((attempt) => attempt.textContent?.length ?? 0);
    expect(shown).toBeLessThan(150_000);
    const files = await page.locator('[data-file]').count();
    expect(files).toBe(20);
    await page.getByRole('button', { name: /^Show \d+ more/ }).click();
    await expect.poll(() => page.locator('[data-file]').count()).toBeGreaterThan(files);
    await picture('many');
  });

  it('lists, searches and narrows; the address keeps it', { timeout: 60_000 }, async () => {
    await page.goto(`${agent.url}/tasks`);
    await page.locator('[data-task]').first().waitFor();
    await picture('list');
    const all = await page.locator('[data-task]').count();
    expect(all).toBeGreaterThan(6);
    await page.keyboard.press('/');
    await page.keyboard.type('FACTORIAL');
    await expect.poll(() => page.locator('[data-task]').count()).toBe(2);
    expect(new URL(page.url()).search).toBe('?search=FACTORIAL');
    await page.getByRole('button', { name: 'Stopped' }).click();
    await expect.poll(() => page.locator('[data-task]').count()).toBe(1);
    await page.reload();
    await expect.poll(() => page.locator('[data-task]').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Stopped' }).getAttribute('aria-pressed')).toBe('true');
    await page.locator('[data-task] a').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/tasks\/[0-9a-f-]{36}$/);
    await ended('cancelled');
    await page.goBack();
    await expect.poll(() => page.locator('[data-task]').count()).toBe(1);
    await page.getByLabel('Search tasks').fill('nothing like it');
    await page.getByText('No task fits').waitFor();
    await picture('no-fit');
  });

  it('takes files that are dropped, and lets them be taken away again', { timeout: 60_000 }, async () => {
    await page.goto(`${agent.url}/tasks/new`);
    await page.getByLabel('What should it do?').waitFor();
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['region,revenue\nNorth,120\n'], 'sales.csv'));
      transfer.items.add(new File(['x'], '<b>.svg'));
      return transfer;
    });
    await page.locator('.drop-field').dispatchEvent('drop', { dataTransfer: dropped });
    await page.getByRole('button', { name: 'Remove /tmp/<b>.svg' }).click();
    expect(await page.locator('.chips li').allInnerTexts()).toEqual([expect.stringMatching(/\/tmp\/sales.csv\s+25 bytes/)]);
    await page.getByLabel('What should it do?').fill('Show revenue by region from /tmp/sales.csv');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.waitForURL(/\/tasks\/[0-9a-f-]{36}$/);
    await ended('succeeded');
    expect(await page.locator('main').innerText()).toContain('Total Revenue: 120.00');
  });

  it('says that a task is not there', { timeout: 60_000 }, async () => {
    await page.goto(`${agent.url}/tasks/${encodeURIComponent('<b>none</b>')}`);
    await page.getByText('No task has this id').waitFor();
    expect(await page.locator('main b').count()).toBe(0);
    await picture('missing');
  });

  it('outlives a restart of the agent: what was seen stays, and runs again', { timeout: 120_000 }, async () => {
    const url = await begin('wait a minute');
    await page.getByText('tick 3', { exact: false }).first().waitFor({ timeout: 30_000 });
    await agent.close(0);
    agent = await scripted.restart();
    await page.locator('[data-task-status=interrupted], [data-task-status=cancelled]').waitFor({ timeout: 60_000 });
    expect(page.url()).toBe(url);
    expect(await page.locator('[data-attempt="1"]').innerText()).toContain('tick 3');
    expect(await page.getByText('could not be verified').count()).toBe(0);
    await picture('restarted');
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((next) => next.href !== url && /tasks\/[0-9a-f-]{36}$/.test(next.pathname));
    await page.getByText('tick 1', { exact: false }).first().waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Cancel task' }).click();
    await ended('cancelled');
    await page.goto(`${agent.url}/tasks`);
    await expect.poll(() => page.locator('[data-task]').count()).toBeGreaterThan(8);
    await page.getByText('Show revenue by region').first().click();
    await verified();
    expect(await page.locator('[data-attempt]').count()).toBe(2);
  });

  it('is whole on a phone, and in the dark', { timeout: 90_000 }, async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'dark' });
    const wide = (): Promise<number> =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await wide()).toBe(0);
    await picture('phone-task');
    await page.goto(`${agent.url}/tasks`);
    await page.locator('[data-task]').first().waitFor();
    expect(await wide()).toBe(0);
    await picture('phone-list');
    await page.goto(`${agent.url}/tasks/new`);
    await page.getByLabel('What should it do?').waitFor();
    expect(await wide()).toBe(0);
    await picture('phone-new');
    await begin('Calculate the factorial of 10', { review: true });
    await page.locator('[data-review="1"]').waitFor();
    expect(await wide()).toBe(0);
    await picture('phone-review');
  });
});

interface File_ {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

const delta = (content: string): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n\n`;

/** Times that pass between two looks. */
const withoutTimes = (text: string): string => text.replaceAll(/\d+ (?:seconds?|minutes?) ago|now/g, 'then');
