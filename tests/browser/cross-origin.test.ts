/**
 * `connect()` in a web page of another address, in a real Chromium: it works where the operator named the page, and says who to ask where
 * the browser blocked it. The agent, its channel and its receipts are real; the model is recorded.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import { chromiumPath, launchChromium } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const KEY = 'a-key-for-web-pages-0123';

interface PageWindow {
  connect(url: string, options: object): Promise<{ fetch: typeof fetch }>;
}

/** The SDK as a web page loads it: its parts by path, the entry as `/sdk.js`. */
async function browserBundle(directory: string): Promise<ReadonlyMap<string, string>> {
  const entry = join(directory, 'entry.ts');
  await writeFile(entry, "import { connect } from 'assay';\nObject.assign(window, { connect });\n");
  const results = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@assay/source', 'browser', 'module', 'import'] },
    build: { write: false, minify: false, lib: { entry, formats: ['es'] } },
  });
  const [bundle] = results as readonly Rolldown.RolldownOutput[];
  const chunks = (bundle?.output ?? []).flatMap((part) => (part.type === 'chunk' ? [part] : []));
  return new Map(chunks.map(({ isEntry, fileName, code }) => [isEntry ? '/sdk.js' : `/${fileName}`, code]));
}

describe.skipIf(chromiumPath() === null)('connect() from another origin', () => {
  let directory = '';
  let server: Server;
  let origin = '';
  let browser: Browser;
  let page: Page;
  const agents: RunningAgent[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(import.meta.dirname, 'output-'));
    const scripts = await browserBundle(directory);
    server = createServer((request, response) => {
      const script = scripts.get(request.url ?? '');
      response.writeHead(200, { 'content-type': script === undefined ? 'text/html' : 'text/javascript' });
      response.end(script ?? '<!doctype html><title>app</title><script type="module" src="/sdk.js"></script>');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(origin);
    await page.waitForFunction(() => 'connect' in window);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    for (const agent of agents) await agent.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function agentWith(environment: Readonly<Record<string, string>>) {
    const folder = await mkdtemp(join(tmpdir(), 'assay-cross-origin-'));
    const agent = await startAgent(
      parseConfig({
        ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: folder, ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' },
        ...{ ASSAY_SANDBOX_CONCURRENCY: '1', ASSAY_API_KEY: KEY },
        ...environment,
      }),
    );
    agents.push(agent);
    return { url: agent.url, simulatedRoot: await readFile(join(folder, 'simulated-root.pem'), 'utf8') };
  }

  /** Connects in the page and reads what only the key opens, through the sealed channel. */
  const connectInPage = (asked: { url: string; simulatedRoot: string; apiKey: string }) =>
    page.evaluate(async ({ url, simulatedRoot, apiKey }) => {
      try {
        const { connect } = window as unknown as PageWindow;
        const agent = await connect(url, { trust: { simulatedRoot }, apiKey });
        const answer = await agent.fetch(`${url}/api/receipts`);
        return { status: answer.status, body: await answer.text() };
      } catch (error) {
        const { code, message } = error as { readonly code?: string; readonly message: string };
        return { code, message };
      }
    }, asked);

  it('works where the operator named the page', async () => {
    const agent = await agentWith({ ASSAY_ALLOWED_ORIGINS: origin });
    const result = await connectInPage({ ...agent, apiKey: KEY });
    expect(result).toMatchObject({ status: 200, body: expect.stringContaining('"receipts"') });
  }, 60_000);

  it('still demands the key', async () => {
    const agent = await agentWith({ ASSAY_ALLOWED_ORIGINS: origin });
    expect(await connectInPage({ ...agent, apiKey: 'another-key-altogether' })).toMatchObject({ status: 401 });
  }, 60_000);

  it.each([
    ['no page', {}],
    ['another page', { ASSAY_ALLOWED_ORIGINS: 'https://app.example' }],
  ])(
    'says that the browser blocked it where the operator named %s',
    async (_, environment) => {
      const agent = await agentWith(environment);
      const result = await connectInPage({ ...agent, apiKey: KEY });
      expect(result).toMatchObject({
        code: 'client/blocked-by-browser',
        message: expect.stringContaining(`blocked by the browser; ask the operator for ASSAY_ALLOWED_ORIGINS=${origin}`),
      });
    },
    60_000,
  );

  it('says that no agent is there when none is', async () => {
    const simulatedRoot = (await agentWith({})).simulatedRoot;
    const result = await connectInPage({ url: 'http://127.0.0.1:1', simulatedRoot, apiKey: KEY });
    expect(result).toMatchObject({ code: 'client/agent-unreachable' });
  }, 60_000);
});
