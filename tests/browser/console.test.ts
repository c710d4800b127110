/** The console in a real Chromium, against a running agent with a scripted model: the seed's examples as a visitor runs them. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromiumPath, fenced, type JsonRpcServer, launchChromium, startJsonRpcServer, watchPage } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAgent } from '../../packages/agent/src/index.ts';
import { savePicture, savePictures } from './looks.ts';
import { type ScriptedAgent, startScriptedAgent } from './scripted-agent.ts';

const PNG =
  "import base64\nopen('/tmp/chart.png','wb').write(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC'))\nprint(open('/tmp/sales.csv').read().count('\\n'))";

const PROSE =
  'A receipt proves **what ran**: <script>alert(1)</script>\n\n- code\n- inputs\n\n| event | says |\n|---|---|\n| asked | the request |\n\n[no](javascript:alert(1)) ![no](https://elsewhere.example/x.png)';

const ETH =
  "const { ethers } = require('ethers');\nconst provider = new ethers.JsonRpcProvider('RPC');\nconst balance = BigInt(await provider.send('eth_getBalance', ['0xabc', 'latest']));\nconst formatted = ethers.formatEther(balance);\nconsole.log(`Balance: ${formatted} ETH`);\nformatted;";

let chain: JsonRpcServer;
let scripted: ScriptedAgent;
let agent: RunningAgent;
let browser: Browser;
let page: Page;
let faults: readonly string[];

describe.skipIf(chromiumPath() === null)('the console', () => {
  beforeAll(async () => {
    chain = await startJsonRpcServer({ '0xabc': 1_500_000_000_000_000_000n });
    scripted = await startScriptedAgent(
      ({ body }) => {
        const task = body.messages[1]?.content ?? '';
        const asked = body.messages.at(-1)?.content ?? '';
        if (asked === 'my secret question' || asked === 'and then?') return { kind: 'text', text: PROSE };
        if (task.includes('ETH balance')) return fenced('javascript', ETH.replace('RPC', chain.url));
        if (task.includes('chart')) return fenced('python', PNG);
        if (task.includes('missing') && body.messages.length === 2) return fenced('python', "open('/tmp/missing.txt')");
        if (task.includes('missing')) return fenced('python', "print('using default content')");
        return fenced('python', 'import math\nprint(math.factorial(10))');
      },
      { ASSAY_SANDBOX_ALLOW: chain.host },
    );
    agent = scripted.agent;
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 1500 } });
    faults = watchPage(page, agent.url);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await scripted?.close();
    await chain?.close();
  });

  afterEach(() => {
    expect(faults).toEqual([]);
  });

  /** Forgets what the browser keeps, as a fresh machine has it. */
  async function freshBrowser(): Promise<void> {
    await page.goto(`${agent.url}/verify`);
    await page.evaluate(() => {
      localStorage.clear();
      sessionStorage.clear();
    });
  }

  /** Answers the one question about the simulator, when it is asked. */
  async function acceptSimulator(): Promise<void> {
    await page.locator('[data-strip=tee]').waitFor();
    const accept = page.getByRole('button', { name: 'Accept the simulator', exact: true }).first();
    if (await accept.isVisible()) await accept.click();
    // The panel asks with the button that starts the first task.
    if (await page.getByRole('button', { name: /Accept the simulator, .*Execute/ }).isVisible()) return;
    await page.locator('[data-strip=sandbox]').waitFor();
  }

  async function generate(description: string): Promise<void> {
    await page.goto(`${agent.url}/developer`);
    await acceptSimulator();
    await page.getByLabel('Description').fill(description);
    if (description.includes('chart')) {
      await page
        .getByLabel('Files')
        .setInputFiles({ name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from('product,revenue\na,1\n') });
    }
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-outcome]').waitFor({ timeout: 60_000 });
  }

  it('on a fresh machine one click accepts the simulator that is explained above it, runs a task, and ends in amber', {
    timeout: 90_000,
  }, async () => {
    await freshBrowser();
    await page.goto(`${agent.url}/developer`);
    await page.locator('[data-strip=tee]').waitFor();
    expect(await page.locator('[data-strip=tee]').innerText()).toContain('SIMULATED');
    const panel = page.locator('form.panel');
    const start = panel.getByRole('button', { name: 'Accept the simulator, 🤖 Generate & Execute' });
    await start.waitFor();
    expect(await panel.innerText()).toContain('it proves nothing about the machine: its operator can read your tasks');
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    await savePictures(page, 'consent');
    await start.click();
    await page.locator('[data-outcome]').waitFor({ timeout: 60_000 });
    expect(await page.locator('[data-output]').innerText()).toContain('3628800');
    expect(
      await page
        .locator('[data-step]')
        .evaluateAll((steps) => steps.map((step) => `${step.getAttribute('data-step')} ${step.getAttribute('data-state')}`)),
    ).toEqual(['writing-1 pass', 'running-1 pass', 'sealing pass', 'logged pass']);
    expect(await page.locator('[data-outcome]').getAttribute('data-outcome')).toBe('accepted');
    expect(await page.locator('[data-outcome] .notice-title').innerText()).toBe('Verified, simulated hardware');
    expect(await page.locator('[data-simulated]').innerText()).toContain('could read everything');
    expect(await page.locator('[data-tone=fail]').count()).toBe(0);
    expect(await page.locator('[data-check-outcome=fail]').count()).toBe(0);
    expect(await page.locator('[data-check]').count()).toBeGreaterThan(10);
    expect(
      await page.locator('[data-story]').evaluateAll((steps) => steps.map((step) => step.getAttribute('data-story'))),
    ).toEqual([...['asked', 'model', 'code', 'ran', 'finished', 'answered', 'sealed', 'logged']]);
    await savePictures(page, 'developer');
    await page.goto(`${agent.url}/status`);
    await page.locator('[data-strip=sandbox]').waitFor();
    expect(await page.getByText('Accept the simulator').count()).toBe(0);
    await page.goto(`${agent.url}/developer`);
    await page.locator('[data-strip=sandbox]').waitFor();
    expect(await page.getByRole('button', { name: 'Generate & Execute' }).innerText()).toBe('🤖 Generate & Execute');
  });

  it('takes files in and shows the plot that comes out', { timeout: 90_000 }, async () => {
    await generate('Make a bar chart of /tmp/sales.csv');
    expect(await page.locator('[data-output]').innerText()).toContain('2');
    await page.locator('img.plot').waitFor();
    expect(await page.locator('img.plot').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(10);
    await savePictures(page, 'plot');
  });

  it('reaches an allow-listed chain through the host, and records it', { timeout: 90_000 }, async () => {
    await page.goto(`${agent.url}/developer`);
    await page.getByLabel('Language').selectOption('javascript');
    await page.getByLabel('Description').fill('Check the ETH balance of address 0xabc on Base network');
    await page.getByText('Context, retries').click();
    await page.getByLabel('Context (JSON)').fill(JSON.stringify({ network: 'Base', rpc: chain.url }));
    await acceptSimulator();
    await page.getByRole('button', { name: 'Generate & Execute' }).click();
    await page.locator('[data-outcome]').waitFor({ timeout: 60_000 });
    expect(await page.locator('[data-output]').innerText()).toContain('Balance: 1.5 ETH');
    expect(chain.calls).toContain('eth_getBalance');
  });

  it('shows the retry of a task whose first code failed', { timeout: 90_000 }, async () => {
    await generate('Read /tmp/missing.txt and print it');
    expect(await page.locator('[data-step^=retry]').count()).toBe(1);
    expect(await page.locator('[data-output]').innerText()).toContain('using default content');
    await savePictures(page, 'retry');
  });

  it('downloads an attestation and a bundle, which the verify page judges; one changed byte is refused', {
    timeout: 90_000,
  }, async () => {
    await generate('Calculate the factorial of 10');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download bundle' }).click(),
    ]);
    const bundle = join(scripted.directory, 'bundle.json');
    await download.saveAs(bundle);
    const bytes = await (await import('node:fs/promises')).readFile(bundle);
    const root = join(scripted.directory, 'simulated-root.pem');
    await page.goto(`${agent.url}/verify`);
    await page.locator('summary', { hasText: 'Time, policy, nonce' }).click();
    await page.getByLabel(/Root certificate/).setInputFiles(root);
    await page.getByLabel(/Drop evidence here/).setInputFiles(bundle);
    await page.locator('[data-outcome=accepted]').waitFor();
    await savePictures(page, 'verify');
    const edited = Buffer.from(bytes);
    const at = edited.indexOf('"served_at":') + '"served_at":'.length;
    edited[at] = (edited[at] ?? 0) ^ 1;
    const changed = join(scripted.directory, 'changed.json');
    writeFileSync(changed, edited);
    await page.getByLabel(/Drop evidence here/).setInputFiles(changed);
    await page.locator('[data-outcome=not-authentic], [data-outcome=malformed]').waitFor();
    await savePictures(page, 'verify-changed');
  });

  it('finds a receipt by its words, tells its story at its own address, and survives reload and Back', {
    timeout: 60_000,
  }, async () => {
    await page.goto(`${agent.url}/receipts`);
    await acceptSimulator();
    await page
      .getByRole('link', { name: /factorial/ })
      .first()
      .waitFor();
    await savePictures(page, 'receipts');
    await page.getByLabel('Search the receipts').fill('MISSING');
    await page.waitForURL(/search=MISSING/);
    await page.getByRole('status').filter({ hasText: '1 receipt' }).waitFor();
    await page.getByRole('link', { name: /missing/ }).click();
    await page.locator('[data-outcome=accepted]').waitFor();
    expect(new URL(page.url()).pathname).toMatch(/^\/receipts\/rcpt_/);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Read /tmp/missing.txt and print it');
    const story = await page.getByRole('list', { name: 'What happened' }).innerText();
    for (const words of [
      'Asked the model',
      "open('/tmp/missing.txt')",
      'attempt 2',
      'using default content',
      'After 1 retry',
      'Entry',
    ])
      expect(story).toContain(words);
    await page.reload();
    await page.locator('[data-outcome=accepted]').waitFor();
    await page.getByRole('tab', { name: /checks/ }).click();
    await page.getByText(/checks passed/).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByText('workload_keyset_digest').first().waitFor();
    await savePictures(page, 'receipt-raw');
    await page.goBack();
    expect(await page.getByLabel('Search the receipts').inputValue()).toBe('MISSING');
    await page.goto(`${agent.url}/receipts/rcpt_${'0'.repeat(32)}`);
    await page.getByText('No receipt has this id').waitFor();
  });

  it('chats sealed and streamed, after it verified the agent', { timeout: 60_000 }, async () => {
    const sent: string[] = [];
    const record = (request: { url(): string; postDataBuffer(): Buffer | null }): void => {
      sent.push(`${request.url()} ${request.postDataBuffer()?.toString('latin1') ?? ''}`);
    };
    page.on('request', record);
    await freshBrowser();
    await page.goto(`${agent.url}/chat`);
    await page.locator('[data-strip=tee]').waitFor();
    expect(await page.getByLabel('Question').count()).toBe(0);
    await acceptSimulator();
    await page.getByLabel('Question').fill('my secret question');
    await page.keyboard.press('Enter');
    await page.locator('[data-receipt]').waitFor();
    await page.getByLabel('Question').fill('and then?');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.press('Enter');
    await page.locator('[data-receipt]').nth(1).waitFor();
    const turns = scripted.model.requests.at(-1)?.body.messages.map(({ role, content }) => `${role}: ${content}`) ?? [];
    expect(turns.slice(-3)[0]).toBe('user: my secret question');
    expect(turns.at(-1)).toBe('user: and then?');
    const answer = page.locator('[data-answer]').first();
    expect(await answer.locator('strong').innerText()).toBe('what ran');
    expect(await answer.locator('table').count()).toBe(1);
    expect(await answer.locator('script, img, a[href^=javascript]').count()).toBe(0);
    expect(await answer.innerText()).toContain('<script>alert(1)</script>');
    expect(await page.getByText('Verified, simulated hardware').count()).toBe(2);
    page.off('request', record);
    expect(sent.some((line) => line.includes('/ohttp'))).toBe(true);
    expect(sent.join('\n')).not.toMatch(/secret|completions/);
    await savePictures(page, 'chat');
    await page.locator('[data-receipt]').first().click();
    await page.locator('[data-outcome=accepted]').waitFor();
    await page.getByRole('heading', { name: /Question to/ }).waitFor();
  });

  it('sends a task, its files and the key only sealed, after it verified the agent', { timeout: 90_000 }, async () => {
    const sent: string[] = [];
    const record = (request: { method(): string; url(): string; headers(): object; postDataBuffer(): Buffer | null }): void => {
      if (request.url().startsWith('blob:')) return; // pictures that this page made from verified bytes
      const { pathname } = new URL(request.url());
      if (pathname.startsWith('/assets/') || ['/developer', '/receipts', '/verify'].includes(pathname)) return;
      const body = request.postDataBuffer()?.toString('latin1') ?? '';
      sent.push(`${request.method()} ${pathname} ${JSON.stringify(request.headers())} ${body}`);
    };
    page.on('request', record);
    await freshBrowser();
    await page.evaluate(() => sessionStorage.setItem('assay.api-key', 'sk-secret-key-of-mine'));
    await generate('Make a secret chart of /tmp/sales.csv');
    await page.locator('img.plot').waitFor();
    await page.goto(`${agent.url}/receipts`);
    await page.locator('a.row-link').first().click();
    await page.locator('[data-outcome]').waitFor();
    page.off('request', record);
    const open = ['GET /v1/aci/attestation', 'GET /simulated-root.pem', 'POST /ohttp'];
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
    await savePicture(page, 'keyboard');
    await page.emulateMedia({ colorScheme: 'light' });
  });
});
