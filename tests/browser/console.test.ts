/** The console in a real Chromium, against a running agent with a scripted model: the seed's examples as a visitor runs them. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  chromiumPath,
  fenced,
  type JsonRpcServer,
  launchChromium,
  type OpenAiServer,
  startJsonRpcServer,
  startOpenAiServer,
  watchPage,
} from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

const PICTURES = new URL('./output/', import.meta.url).pathname;
const PNG =
  "import base64\nopen('/tmp/chart.png','wb').write(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC'))\nprint(open('/tmp/sales.csv').read().count('\\n'))";

const ETH =
  "const { ethers } = require('ethers');\nconst provider = new ethers.JsonRpcProvider('RPC');\nconst balance = BigInt(await provider.send('eth_getBalance', ['0xabc', 'latest']));\nconst formatted = ethers.formatEther(balance);\nconsole.log(`Balance: ${formatted} ETH`);\nformatted;";

let chain: JsonRpcServer;
let directory: string;
let model: OpenAiServer;
let agent: RunningAgent;
let browser: Browser;
let page: Page;
let faults: readonly string[];

describe.skipIf(chromiumPath() === null)('the console', () => {
  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    directory = mkdtempSync(join(tmpdir(), 'assay-console-'));
    chain = await startJsonRpcServer({ '0xabc': 1_500_000_000_000_000_000n });
    model = await startOpenAiServer({
      answers: ({ body }) => {
        const task = body.messages[1]?.content ?? '';
        if (task.includes('ETH balance')) return fenced('javascript', ETH.replace('RPC', chain.url));
        if (task.includes('chart')) return fenced('python', PNG);
        if (task.includes('missing') && body.messages.length === 2) return fenced('python', "open('/tmp/missing.txt')");
        if (task.includes('missing')) return fenced('python', "print('using default content')");
        return fenced('python', 'import math\nprint(math.factorial(10))');
      },
    });
    agent = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: directory,
        ASSAY_LOG_LEVEL: 'error',
        AI_PROVIDER: 'ollama',
        AI_API_BASE: model.base,
        ASSAY_SANDBOX_ALLOW: chain.host,
      }),
    );
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 1500 } });
    faults = watchPage(page, agent.url);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await agent?.close();
    await model?.close();
    await chain?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  afterEach(() => {
    expect(faults).toEqual([]);
  });

  async function generate(description: string): Promise<void> {
    await page.goto(`${agent.url}/developer`);
    await page.getByLabel('Description').fill(description);
    if (description.includes('chart')) {
      await page
        .getByLabel('Files')
        .setInputFiles({ name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from('product,revenue\na,1\n') });
    }
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-outcome]').waitFor({ timeout: 60_000 });
  }

  it('runs a task, shows each step, and refuses the simulator until the visitor names it', { timeout: 90_000 }, async () => {
    await generate('Calculate the factorial of 10');
    expect(await page.locator('[data-output]').innerText()).toContain('3628800');
    expect(
      await page
        .locator('[data-step]')
        .evaluateAll((steps) => steps.map((step) => `${step.getAttribute('data-step')} ${step.getAttribute('data-state')}`)),
    ).toEqual(['writing-1 pass', 'running-1 pass', 'sealing pass', 'logged pass']);
    expect(await page.locator('[data-outcome]').getAttribute('data-outcome')).toBe('not-authentic');
    await page.getByRole('button', { name: /Name this simulator/ }).click();
    await page.locator('[data-outcome=accepted]').waitFor();
    expect(await page.locator('[data-outcome]').innerText()).toContain('SIMULATED');
    expect(await page.locator('[data-check-outcome=fail]').count()).toBe(0);
    expect(await page.locator('[data-check]').count()).toBeGreaterThan(10);
    expect(await page.getByRole('list', { name: 'Receipt timeline' }).innerText()).toContain('code.executed');
    await page.screenshot({ path: join(PICTURES, 'developer.png'), fullPage: true });
  });

  it('takes files in and shows the plot that comes out', { timeout: 90_000 }, async () => {
    await generate('Make a bar chart of /tmp/sales.csv');
    expect(await page.locator('[data-output]').innerText()).toContain('2');
    await page.locator('img.plot').waitFor();
    expect(await page.locator('img.plot').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(10);
    await page.screenshot({ path: join(PICTURES, 'plot.png'), fullPage: true });
  });

  it('reaches an allow-listed chain through the host, and records it', { timeout: 90_000 }, async () => {
    await page.goto(`${agent.url}/developer`);
    await page.getByLabel('Language').selectOption('javascript');
    await page.getByLabel('Description').fill('Check the ETH balance of address 0xabc on Base network');
    await page.getByText('Context, retries').click();
    await page.getByLabel('Context (JSON)').fill(JSON.stringify({ network: 'Base', rpc: chain.url }));
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-outcome]').waitFor({ timeout: 60_000 });
    expect(await page.locator('[data-output]').innerText()).toContain('Balance: 1.5 ETH');
    expect(chain.calls).toContain('eth_getBalance');
  });

  it('shows the retry of a task whose first code failed', { timeout: 90_000 }, async () => {
    await generate('Read /tmp/missing.txt and print it');
    expect(await page.locator('[data-step^=retry]').count()).toBe(1);
    expect(await page.locator('[data-output]').innerText()).toContain('using default content');
    await page.screenshot({ path: join(PICTURES, 'retry.png'), fullPage: true });
  });

  it('downloads an attestation and a bundle, which the verify page judges; one changed byte is refused', {
    timeout: 90_000,
  }, async () => {
    await generate('Calculate the factorial of 10');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download bundle' }).click(),
    ]);
    const bundle = join(directory, 'bundle.json');
    await download.saveAs(bundle);
    const bytes = await (await import('node:fs/promises')).readFile(bundle);
    const root = join(directory, 'simulated-root.pem');
    await page.goto(`${agent.url}/verify`);
    await page.getByText('Time, policy, nonce').click();
    await page.getByLabel(/Root certificate/).setInputFiles(root);
    await page.getByLabel(/Drop evidence here/).setInputFiles(bundle);
    await page.locator('[data-outcome=accepted]').waitFor();
    await page.screenshot({ path: join(PICTURES, 'verify.png'), fullPage: true });
    const edited = Buffer.from(bytes);
    const at = edited.indexOf('"served_at":') + '"served_at":'.length;
    edited[at] = (edited[at] ?? 0) ^ 1;
    const changed = join(directory, 'changed.json');
    writeFileSync(changed, edited);
    await page.getByLabel(/Drop evidence here/).setInputFiles(changed);
    await page.locator('[data-outcome=not-authentic], [data-outcome=malformed]').waitFor();
    await page.screenshot({ path: join(PICTURES, 'verify-changed.png'), fullPage: true });
  });

  it('lists receipts and says on the status page that the TEE is simulated', { timeout: 60_000 }, async () => {
    await page.goto(`${agent.url}/receipts`);
    await page.locator('tbody a').first().click();
    await page.locator('[data-outcome]').waitFor();
    await page.screenshot({ path: join(PICTURES, 'receipts.png'), fullPage: true });
    await page.goto(`${agent.url}/status`);
    await page.getByText('Simulated TEE', { exact: true }).waitFor();
    await page.screenshot({ path: join(PICTURES, 'status.png'), fullPage: true });
  });

  it('chats sealed and streamed, after it verified the agent', { timeout: 60_000 }, async () => {
    const sent: string[] = [];
    const record = (request: { url(): string; postDataBuffer(): Buffer | null }): void => {
      sent.push(`${request.url()} ${request.postDataBuffer()?.toString('latin1') ?? ''}`);
    };
    page.on('request', record);
    await page.goto(`${agent.url}/chat`);
    await page.getByRole('button', { name: 'Verify the agent' }).click();
    await page.locator('[data-outcome=not-authentic]').waitFor();
    expect(await page.getByLabel('Question').count()).toBe(0);
    await page.getByRole('button', { name: /Name this simulator/ }).click();
    await page.getByLabel('Question').fill('my secret question');
    await page.getByRole('button', { name: 'Ask, encrypted' }).click();
    await page.locator('[data-receipt]').waitFor();
    expect((await page.locator('[data-answer]').innerText()).length).toBeGreaterThan(5);
    page.off('request', record);
    expect(sent.some((line) => line.includes('/ohttp'))).toBe(true);
    expect(sent.join('\n')).not.toMatch(/secret|completions/);
    await page.screenshot({ path: join(PICTURES, 'chat.png'), fullPage: true });
  });

  it('sends a task, its files and the key only sealed, after it verified the agent', { timeout: 90_000 }, async () => {
    const sent: string[] = [];
    const record = (request: { method(): string; url(): string; headers(): object; postDataBuffer(): Buffer | null }): void => {
      const { pathname } = new URL(request.url());
      if (pathname.startsWith('/assets/') || ['/developer', '/receipts', '/status'].includes(pathname)) return;
      const body = request.postDataBuffer()?.toString('latin1') ?? '';
      sent.push(`${request.method()} ${pathname} ${JSON.stringify(request.headers())} ${body}`);
    };
    page.on('request', record);
    await page.goto(`${agent.url}/status`);
    await page.getByLabel('Key, when this agent demands one').fill('sk-secret-key-of-mine');
    await page.getByRole('button', { name: 'Use' }).click();
    await page.getByText('Simulated TEE', { exact: true }).waitFor();
    await generate('Make a secret chart of /tmp/sales.csv');
    await page.locator('img.plot').waitFor();
    await page.locator('[data-simulated]').waitFor();
    await page.goto(`${agent.url}/receipts`);
    await page.locator('tbody a').first().click();
    await page.locator('[data-outcome]').waitFor();
    page.off('request', record);
    const open = ['GET /v1/aci/attestation', 'GET /simulated-root.pem', 'GET /log/checkpoint', 'POST /ohttp'];
    expect([...new Set(sent.map((line) => line.split(' ', 2).join(' ')))].toSorted()).toEqual(open.toSorted());
    expect(sent.findIndex((line) => line.startsWith('POST /ohttp'))).toBeGreaterThan(
      sent.findIndex((line) => line.startsWith('GET /v1/aci/attestation')),
    );
    expect(sent.join('\n')).not.toMatch(/secret|authorization|revenue|api\/process/i);
    await page.evaluate(() => sessionStorage.clear());
  });

  it('is readable in the dark and usable by keyboard', { timeout: 60_000 }, async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto(`${agent.url}/developer`);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Skip to content');
    const names = await page
      .locator('input, select, textarea, button')
      .evaluateAll((fields) =>
        fields.map(
          (field) =>
            (field as HTMLInputElement).labels?.[0]?.textContent ?? field.textContent ?? field.getAttribute('aria-label') ?? '',
        ),
      );
    expect(names.every((name) => name.trim() !== '')).toBe(true);
    await page.screenshot({ path: join(PICTURES, 'dark.png'), fullPage: true });
    await page.emulateMedia({ colorScheme: 'light' });
  });
});
