/**
 * What stands between a visitor and the agent, each as a page that says what to do: the agent is down and comes back, asks for its key, has
 * another simulator than before, or came over plain HTTP from another machine; and the offer of a model where none is connected.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request as ask, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath, launchChromium } from '@assay/testing';
import { serve } from '@hono/node-server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FetchModelOptions } from '../../packages/agent/src/adapters/models/embedded/fetch-model.ts';
import { ServerError } from '../../packages/agent/src/errors.ts';
import { loadConsole } from '../../packages/agent/src/http/routes/console.ts';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { startTestAgent } from '../e2e/agent.ts';
import { expectAccessibleInEachLook } from './axe.ts';
import { PICTURES, savePictures } from './looks.ts';

const KEY = 'the-key-of-the-clients';
const LONG_MS = 60_000;

describe.skipIf(chromiumPath() === null)('between a visitor and the agent', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    browser = await launchChromium();
  }, LONG_MS);
  afterAll(async () => {
    await browser?.close();
  });
  beforeEach(async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
    page = await context.newPage();
  });
  afterEach(async () => {
    await page.context().close();
  });

  async function start(environment: Readonly<Record<string, string>>): Promise<RunningAgent> {
    const directory = mkdtempSync(join(tmpdir(), 'assay-states-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const agent = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: directory,
        ASSAY_LOG_LEVEL: 'silent',
        AI_PROVIDER: 'recorded',
        ...environment,
      }),
    );
    onTestFinished(() => agent.close());
    return agent;
  }

  const accept = (): Promise<void> => page.getByRole('button', { name: 'Accept the simulator' }).click();
  const verified = (): Promise<void> => page.locator('[data-strip=sandbox]').waitFor();
  const connection = (words: string): Promise<void> => page.locator('[data-strip=connection]', { hasText: words }).waitFor();

  const accessible = (name: string): Promise<void> => expectAccessibleInEachLook(page, name);

  it('says that the agent is down, and goes on by itself when it is back; a new data directory asks again', {
    timeout: 120_000,
  }, async () => {
    const agent = await start({});
    await page.goto(`${agent.url}/status`);
    await page.locator('[data-strip=tee]').waitFor();
    await accept();
    await verified();
    await agent.close();
    await page.getByRole('heading', { name: 'The agent is down' }).waitFor({ timeout: LONG_MS });
    await connection('Agent is down');
    await accessible('down');
    await start({ AGENT_PORT: new URL(agent.url).port });
    await page.getByText('Its root is not the one you accepted before.').waitFor({ timeout: LONG_MS });
    expect(await page.locator('[data-strip=tee]').innerText()).toContain('SIMULATED');
    await accessible('other-root');
    await accept();
    await verified();
  });

  it('asks for the API key where it is needed, refuses a wrong one, and keeps it from a new tab', {
    timeout: 120_000,
  }, async () => {
    const agent = await start({ ASSAY_API_KEY: KEY });
    await page.goto(`${agent.url}/receipts`);
    await page.locator('[data-strip=tee]').waitFor();
    await accept();
    await page.getByRole('textbox', { name: 'API key' }).waitFor();
    await connection('Needs the API key');
    await accessible('key-needed');
    await page.getByRole('textbox', { name: 'API key' }).fill('another-key-altogether');
    await page.getByRole('textbox', { name: 'API key' }).press('Enter');
    await page.getByRole('alert').getByText('does not take this key').waitFor();
    await page.getByRole('textbox', { name: 'API key' }).fill(KEY);
    await page.getByRole('textbox', { name: 'API key' }).press('Enter');
    await page.getByText('Oldest version set').first().waitFor();
    await accessible('first-receipt');
    await page.reload();
    await page.getByText('Oldest version set').first().waitFor();
    const other = await page.context().newPage();
    await other.goto(`${agent.url}/receipts`);
    await other.getByRole('textbox', { name: 'API key' }).waitFor();
  });

  it('says what to do about evidence of another simulator, and says its fault once', { timeout: 120_000 }, async () => {
    const [mine, other] = [await start({}), await start({})];
    await page.goto(`${mine.url}/status`);
    await accept();
    await verified();
    await page.getByText('AWS Nitro Enclaves').waitFor();
    const report = await fetch(`${other.url}/v1/aci/attestation`);
    const file = { name: 'report.json', mimeType: 'application/json', buffer: Buffer.from(await report.arrayBuffer()) };
    await page.goto(`${mine.url}/verify`);
    await page.getByLabel(/Drop evidence here/).setInputFiles(file);
    await page.locator('[data-outcome=not-authentic]').waitFor();
    const heading = page.locator('summary', { hasText: 'Time, policy, nonce' });
    const nudge = page.locator('[data-nudge]', { hasText: 'simulated-root.pem' });
    await nudge.waitFor();
    expect(await nudge.innerText()).toContain(await heading.innerText());
    const shown = await page.locator('main').innerText();
    expect(shown.match(/expected a chain to a pinned root/g)).toHaveLength(1);
    expect(shown).not.toContain('docs/errors.md');
    await accessible('other-simulator');
    const root = Buffer.from(await (await fetch(`${other.url}/simulated-root.pem`)).arrayBuffer());
    await heading.click();
    await page.getByLabel(/Root certificate/).setInputFiles({ name: 'root.pem', mimeType: 'text/plain', buffer: root });
    await page.locator('[data-outcome=accepted]').waitFor();
  });

  it.each([
    ['behind', -26 * 3_600_000],
    ['ahead', 26 * 3_600_000],
  ])(
    'says that its clock and the agent’s differ when the evidence is refused for its time: %s',
    { timeout: 60_000 },
    async (name, offset) => {
      const agent = await start({});
      await page.addInitScript((apart) => {
        const real = Date;
        const now = real.now.bind(real);
        globalThis.Date = class extends real {
          constructor(given: number | string = now() + apart) {
            super(given);
          }
          static override now(): number {
            return now() + apart;
          }
        } as DateConstructor;
      }, offset);
      await page.goto(`${agent.url}/status`);
      // The agent's clock is asked once the refusal is shown.
      let show = (): void => undefined;
      const shown = new Promise<void>((resolve) => {
        show = resolve;
      });
      await page.route('**/health', async (route) => {
        await shown;
        await route.continue();
      });
      await accept();
      await page.locator('[data-outcome=not-authentic]').waitFor();
      show();
      await page.getByText('Two clocks differ by 1 d 2 h').waitFor();
      await savePictures(page, `clock-${name}`);
    },
  );

  it('over plain HTTP from another machine says why nothing works, sends nothing, and how to go on', {
    timeout: 120_000,
  }, async () => {
    const agent = await start({ ASSAY_PUBLIC_URL: 'http://agent.example' });
    const seen: string[] = [];
    const proxy = await forwarding(agent.url, seen);
    const context = await browser.newContext({ proxy: { server: proxy }, viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    await page.goto('http://agent.example/receipts');
    const notice = page.getByRole('alert').filter({ hasText: 'cannot verify anything over plain HTTP' });
    await notice.waitFor();
    expect(await notice.innerText()).toContain('ssh -L 8000:127.0.0.1:80 agent.example');
    await connection('Plain HTTP');
    expect(seen.filter((path) => /ohttp|attestation|api/.test(path))).toEqual([]);
    await accessible('insecure');
    await page.goto('http://agent.example/verify');
    await page.getByText('This browser cannot verify anything on this page').waitFor();
  });

  it('offers a model where none is connected, shows how far it has come in every tab, cancels, and says what failed', {
    timeout: 120_000,
  }, async () => {
    let fetching: FetchModelOptions | null = null;
    let fail: (error: unknown) => void = () => undefined;
    const agent = await startTestAgent({
      console: loadConsole(new URL('../../packages/web/dist/', import.meta.url).pathname),
      fetchModel: (_model, options) => {
        fetching = options;
        return new Promise((_, reject) => {
          fail = reject;
          options.signal.addEventListener('abort', () => reject(options.signal.reason));
        });
      },
    });
    const server = serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async ({ url: asked, method, headers, body }) => {
        const { pathname, search } = new URL(asked);
        const sent = method === 'GET' ? null : await new Response(body).arrayBuffer();
        return agent.request(pathname + search, { method, headers, body: sent });
      },
    });
    onTestFinished(() => void server.close());
    await new Promise((listening) => server.once('listening', listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await page.goto(`${url}/status`);
    await page.locator('[data-strip=tee]').waitFor();
    await accept();
    await verified();
    await page.goto(`${url}/developer`);
    const fetch = page.getByRole('button', { name: 'Fetch Qwen2.5-Coder 0.5B (469 MB)' });
    await fetch.waitFor();
    await accessible('model-offer');
    await fetch.click();
    await page.getByRole('progressbar').waitFor();
    const say = (bytesDone: number): void =>
      (fetching as FetchModelOptions | null)?.onStanding({
        step: 'model',
        bytesDone,
        bytesTotal: 491_400_064,
        source: 'models.example',
      });
    say(245_700_032);
    await page.getByText('234 MB of 469 MB').waitFor();
    expect(await page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('50');
    await accessible('model-fetching');
    const other = await page.context().newPage();
    await other.goto(`${url}/chat`);
    await other.getByText('234 MB of 469 MB').waitFor();
    say(368_550_048);
    await Promise.all([page, other].map((tab) => tab.getByText('351 MB of 469 MB').waitFor()));
    await other.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The fetch was cancelled.').waitFor();
    await page.getByRole('button', { name: /Try again/ }).click();
    await page.getByRole('progressbar').waitFor();
    fail(new ServerError('model/fetch-failed', 'expected 491400064 bytes, got fewer; try again'));
    await page.getByRole('alert').getByText('expected 491400064 bytes').waitFor();
    await accessible('model-failed');
  });
});

/** A proxy that brings every request to the agent, whatever host it names. */
async function forwarding(agent: string, seen: string[]): Promise<string> {
  const { hostname, port } = new URL(agent);
  const proxy: Server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').replace(/^http:\/\/[^/]+/, '');
    seen.push(path);
    const forwarded = ask({ hostname, port, path, method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void proxy.close());
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
