/**
 * `assay compare --live`: the page draws a comparison while it runs, at both sizes and in both colour schemes, to its verdict, and the ladder of a
 * reference that is a file; pages of other sites cannot read it. Needs Chromium; the ladder needs an engine.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath, launchChromium, transcript, watchPage } from '@assay/testing';
import { type ModelServer, SMALL_RECIPE, startModelServer, zooOf } from '@assay/testing/model-zoo';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { engineFolder, isAtHand, SMOLLM2 } from '../embedded/models-at-hand.ts';
import { expectAccessibleInEachLook } from './axe.ts';

const DIST = new URL('../../packages/web/dist/', import.meta.url).pathname;

/** Lets questions through one by one, so that the page is looked at in the middle of a comparison. */
class Gate {
  #open = Number.POSITIVE_INFINITY;
  #waiting: (() => void)[] = [];
  passed = 0;

  async pass(): Promise<void> {
    while (this.passed >= this.#open) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.passed += 1;
  }

  openTo(count: number): void {
    this.#open = count;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

describe.skipIf(chromiumPath() === null || !existsSync(join(DIST, 'comparison.html')))('a comparison on its own page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-browser-live-'));
  const gate = new Gate();
  let servers: readonly ModelServer[];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const zoo = zooOf(SMALL_RECIPE);
    servers = await Promise.all([
      startModelServer({ model: zoo.textModel('base', zoo.base) }),
      startModelServer({ model: zoo.textModel('base', zoo.stored('Q8_0')) }),
    ]);
    browser = await launchChromium();
    page = await browser.newPage();
  }, 120_000);
  afterAll(async () => {
    gate.openTo(Number.POSITIVE_INFINITY);
    await browser?.close();
    await Promise.all(servers?.map((server) => server.close()) ?? []);
    rmSync(folder, { recursive: true, force: true });
  });

  /** A run whose questions to the candidate wait at the gate. */
  function gatedRun() {
    const candidate = servers[1]?.url ?? '';
    const gated: typeof fetch = async (input, init) => {
      if (String(input).startsWith(`${candidate}/completions`)) await gate.pass();
      return globalThis.fetch(input, init);
    };
    const io = transcript({
      ...{ cwd: folder, now: Date.now(), fetch: gated },
      env: { ASSAY_DATA_DIR: folder, ASSAY_ATTESTER: 'simulated' },
    });
    return { candidate, io };
  }

  it('is drawn query by query to its verdict, and read by nothing else', { timeout: 240_000 }, async () => {
    const { candidate, io } = gatedRun();
    const command = ['compare', '--live', '--mode', 'quick', '--ref-model', servers[0]?.url ?? '', '--cand-model', candidate];
    gate.openTo(0);
    const ended = run(command, io);
    await vi.waitFor(() => expect(io.err()).toMatch(/drawn at http/), { timeout: 60_000 });
    const url = /http:\/\/127\.0\.0\.1:\d+\/comparison\.html/.exec(io.err())?.[0] ?? '';
    const faults = watchPage(page, new URL(url).origin);
    await page.goto(url);
    await page.getByText('Waiting for the comparison').waitFor();
    expect(await statusFor(url, 'evil.example')).toBe(403);
    expect(await statusFor(url, new URL(url).host, '/../package.json')).toBe(404);

    // The first question finds out what the candidate offers; the queries follow.
    const drawn = page.locator('[data-comparison]');
    const points = async (): Promise<number> =>
      ((await drawn.locator('[data-line=different]').getAttribute('points')) ?? '').split(' ').length - 1;
    gate.openTo(4);
    await page.locator('[data-comparison=running]').waitFor({ timeout: 120_000 });
    await expect.poll(points, { timeout: 60_000 }).toBeGreaterThan(0);
    const before = await points();
    expect(await drawn.getByRole('img').getAttribute('aria-label')).toContain('No verdict yet');
    await expectAccessibleInEachLook(page, 'live');
    // Another page that comes late sees what happened so far.
    const late = await browser.newPage();
    await late.goto(url);
    await late.locator('[data-comparison=running]').waitFor();
    gate.openTo(Number.POSITIVE_INFINITY);
    expect(await ended).toBe(6);
    for (const each of [page, late]) await each.locator('[data-comparison=DIFFERENT]').waitFor({ timeout: 60_000 });
    expect(await points()).toBeGreaterThan(before);
    await page.getByText('comparison/comparison.json').waitFor();
    await expectAccessibleInEachLook(page, 'live-comparison-ended');
    expect(faults).toEqual([]);
  });

  it.runIf(isAtHand(SMOLLM2))('shows the ladder of a file while queries are asked', { timeout: 900_000 }, async () => {
    const zoo = zooOf(SMALL_RECIPE);
    mkdirSync(join(folder, 'models'), { recursive: true });
    symlinkSync(engineFolder(), join(folder, 'models', 'engine-3.22.1'));
    writeFileSync(join(folder, 'base.gguf'), zoo.gguf(zoo.base));
    const { candidate, io } = gatedRun();
    gate.openTo(gate.passed + 1);
    const asked = gate.passed + 1;
    const models = ['--ref-model', 'base.gguf', '--cand-model', candidate];
    const ended = run(['compare', '--live', '--mode', 'quick', '--output-dir', 'laddered', ...models], io);
    await vi.waitFor(() => expect(io.err()).toMatch(/drawn at http/), { timeout: 240_000 });
    await page.goto(/http:\/\/127\.0\.0\.1:\d+\/comparison\.html/.exec(io.err())?.[0] ?? '');
    // What is done before the first query, form by form.
    await page.getByText(/in the form/).waitFor({ timeout: 300_000 });
    await page.locator('[data-comparison=running]').waitFor({ timeout: 300_000 });
    gate.openTo(asked + 2);
    await expect.poll(() => page.locator('main').innerText(), { timeout: 60_000 }).toContain('Last query: score');
    const forms = page.locator('[data-comparison=running] [data-form]');
    const rows = await forms.evaluateAll((all) =>
      all.map((each) => [each.getAttribute('data-form'), each.textContent] as const),
    );
    expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(['F16', 'Q8_0', 'Q5_0', 'Q4_0']));
    const variations = await forms.evaluateAll((all) =>
      all.map((each) => [each.getAttribute('data-form'), Number(each.querySelector('td')?.textContent)] as const),
    );
    const ladder = new Map(variations);
    for (const name of ['Q5_0', 'Q4_0']) expect(ladder.get('Q8_0'), name).toBeLessThan(ladder.get(name)!);
    expect(new Map(rows).get('Q4_0')).toMatch(/told apart$/);
    await expectAccessibleInEachLook(page, 'live-ladder');
    gate.openTo(Number.POSITIVE_INFINITY);
    expect(await ended).toBe(6);
    await page.locator('[data-comparison=DIFFERENT]').waitFor({ timeout: 60_000 });
    expect(await page.locator('[data-comparison=DIFFERENT] [data-form]').count()).toBe(rows.length);
  });

  it('shows the alarm of a watch, and does not say that its rounds can be verified', { timeout: 240_000 }, async () => {
    const { candidate, io } = gatedRun();
    const models = ['--ref-model', servers[0]?.url ?? '', '--cand-model', candidate];
    const rounds = ['--watch', '--interval', '0', '--rounds', '30', '--output-dir', 'watched'];
    gate.openTo(gate.passed);
    const ended = run(['compare', '--live', '--mode', 'quick', ...rounds, ...models], io);
    await vi.waitFor(() => expect(io.err()).toMatch(/drawn at http/), { timeout: 60_000 });
    await page.goto(/http:\/\/127\.0\.0\.1:\d+\/comparison\.html/.exec(io.err())?.[0] ?? '');
    await page.getByText('Waiting for the comparison').waitFor();
    gate.openTo(Number.POSITIVE_INFINITY);
    expect(await ended).toBe(6);
    const alarm = page.getByRole('alert').filter({ hasText: 'CHANGED' });
    await alarm.waitFor();
    expect(await alarm.innerText()).toContain('watched/watch.json');
    await page.getByText('One round of a watch').waitFor();
    expect(await page.locator('main').innerText()).not.toContain('computes it again');
    await expectAccessibleInEachLook(page, 'live-watch-ended');
  });
});

/** Asks with the Host header of another name, as a page does after DNS rebinding. */
function statusFor(url: string, host: string, path = '/comparison/events'): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers: { host } }, (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    asked.on('error', reject);
    asked.end();
  });
}
