/**
 * The page of contracts in Chromium, at an agent with a compiler and Slither: an audit that fails with its line marked in the source, one that
 * does not compile, and the build against code that a wallet reads from its chain.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath, launchChromium, type OpenAiServer, startOpenAiServer } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installProgram, PROGRAMS } from '../../packages/agent/src/adapters/analyzer/bundled-program.ts';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { analyzerFolder, compilersFolder } from '../contracts/installed.ts';
import { expectAccessibleInEachLook } from './axe.ts';
import { oneAccountChain } from './one-account-chain.ts';
import { giveWallet } from './wallet-stand-in.ts';

const LONG_MS = 180_000;
const ADDRESS = `0x${'ab'.repeat(20)}`;
const OWNER = privateKeyToAccount(`0x${'22'.repeat(32)}`);
const SAFE = 'pragma solidity 0.8.24;\ncontract Safe { uint256 public constant X = 7; }\n';
const BANK = `pragma solidity 0.8.24;

contract Bank {
    mapping(address => uint256) public balances;

    function deposit() external payable {
        balances[msg.sender] += msg.value;
    }

    function withdraw() external {
        uint256 amount = balances[msg.sender];
        (bool sent, ) = msg.sender.call{value: amount}("");
        require(sent, "not sent");
        balances[msg.sender] = 0;
    }
}
`;

const OWNED = `pragma solidity 0.8.24;
contract Owned {
    function take() external { owner = msg.sender; }
    address public owner;
}
`;
/** What the model says of it: one exploit that works, and a feeling. */
const CLAIMS = JSON.stringify({
  findings: [
    {
      ...{ title: 'anyone is owner', source: 'Contract.sol', line: 3 },
      exploit: { invariant: 'owner-changed', target: 'Owned', exploit: [{ to: 'target', function: 'take()' }] },
    },
    { title: 'a feeling' },
  ],
});

describe.skipIf(chromiumPath() === null)('the page of contracts', () => {
  let directory: string;
  let agent: RunningAgent;
  let model: OpenAiServer;
  let browser: Browser;
  let page: Page;
  /** What the chain says the code at every address is. */
  let code = '0x';

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'assay-contracts-page-'));
    model = await startOpenAiServer({ answers: [{ kind: 'text', text: CLAIMS }] });
    await installProgram(await analyzerFolder(), PROGRAMS.evm);
    agent = await startAgent(
      parseConfig({
        ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'silent' },
        ...{ AI_PROVIDER: 'ollama', AI_API_BASE: model.base },
        ...{ ASSAY_COMPILERS_DIR: await compilersFolder('0.8.24'), ASSAY_ANALYZER_DIR: await analyzerFolder() },
      }),
    );
    await agent.ready;
    browser = await launchChromium();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
    page = await context.newPage();
    const root = await (await fetch(`${agent.url}/simulated-root.pem`)).text();
    await page.addInitScript((pem) => localStorage.setItem('assay.simulated-root', pem), root);
    await giveWallet(page, OWNER, (method) =>
      method === 'eth_chainId' ? '0x1' : oneAccountChain(ADDRESS, () => code)(method),
    );
  }, 600_000);
  afterAll(async () => {
    await browser?.close();
    await agent?.close();
    await model?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const looked = (name: string): Promise<void> => expectAccessibleInEachLook(page, name);

  it('marks the line of a finding, survives reload, and compares the build with deployed code', {
    timeout: LONG_MS,
  }, async () => {
    await page.goto(`${agent.url}/contracts`);
    await page
      .getByLabel('Solidity files')
      .setInputFiles({ name: 'Bank.sol', mimeType: 'text/plain', buffer: Buffer.from(BANK) });
    await page.getByRole('list', { name: 'Sources' }).getByText('Bank.sol').waitFor();
    await looked('contracts');
    await page.getByRole('button', { name: 'Audit' }).click();
    await page.waitForURL(/\/contracts\/[\w-]+$/);
    await page.locator('[data-passed=false]').waitFor({ timeout: LONG_MS });
    const reentrancy = page.locator('[data-finding=reentrancy-eth]');
    await reentrancy.waitFor();
    const marked = page.locator('[data-source="Bank.sol"] li.is-high');
    const line = BANK.split('\n').findIndex((text) => text.includes('function withdraw')) + 1;
    expect(await marked.getAttribute('data-line')).toBe(String(line));
    expect(await marked.innerText()).toContain('High: reentrancy-eth');
    await reentrancy.getByRole('button', { name: `Bank.sol:${line}` }).click();
    expect(await marked.evaluate((each) => each === document.activeElement)).toBe(true);
    await page.locator('[data-outcome=accepted]').waitFor({ timeout: LONG_MS });
    await page.locator('[data-lint=linted]').waitFor();
    expect(await page.locator('[data-remark]').count()).toBeGreaterThan(0);
    await looked('contracts-audit');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'report.sarif', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('report.sarif');

    await page.reload();
    await page.getByLabel('Address').fill(ADDRESS, { timeout: LONG_MS });
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('expected a contract at').waitFor({ timeout: LONG_MS });
    const contracts = (await (
      await fetch(`${agent.url}/api/tasks/${page.url().split('/').at(-1)}/artifacts/build/contracts.json`)
    ).json()) as Readonly<Record<string, { readonly deployedBytecode: string }>>;
    const built = Object.values(contracts)[0]?.deployedBytecode ?? '';
    code = built;
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('[data-level=exact]').waitFor({ timeout: LONG_MS });
    await looked('contracts-compared');
    code = `${built.slice(0, 40)}${built[40] === '0' ? '1' : '0'}${built.slice(41)}`;
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('[data-level="no match"]').getByText('First difference at byte 19').waitFor({ timeout: LONG_MS });
  });

  it('has the wallet sign the summary of an audit that passed, for the compared address', { timeout: LONG_MS }, async () => {
    await page.goto(`${agent.url}/contracts`);
    await page.getByLabel('Or paste one contract').fill(SAFE);
    await page.getByRole('button', { name: 'Audit' }).click();
    await page.waitForURL(/\/contracts\/[\w-]+$/);
    await page.locator('[data-passed=true]').waitFor({ timeout: LONG_MS });
    await page.getByLabel('Address').fill(ADDRESS, { timeout: LONG_MS });
    const contracts = (await (
      await fetch(`${agent.url}/api/tasks/${page.url().split('/').at(-1)}/artifacts/build/contracts.json`)
    ).json()) as Readonly<Record<string, { readonly deployedBytecode: string }>>;
    code = '0x00';
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('[data-level="no match"]').waitFor({ timeout: LONG_MS });
    expect(await page.getByRole('button', { name: 'Sign audit summary' }).count()).toBe(0);
    code = Object.values(contracts)[0]?.deployedBytecode ?? '';
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.locator('[data-level=exact]').waitFor({ timeout: LONG_MS });
    await page.getByRole('button', { name: 'Sign audit summary' }).click();
    await page.locator('[data-summary=signed]').getByText(`Signed by ${OWNER.address.toLowerCase()} for chain 1.`).waitFor();
    await looked('contracts-signed');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'audit-summary.json', exact: true }).click(),
    ]);
    const { summary } = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(summary.auditedContract.deployment).toBe(ADDRESS);
  });

  it('shows what a model claims apart from the findings, and what a run demonstrated with its receipt', {
    timeout: LONG_MS,
  }, async () => {
    await page.goto(`${agent.url}/contracts`);
    await page.getByLabel('Or paste one contract').fill(OWNED);
    await page.getByText('Compiler, rule, model').click();
    await page.getByLabel('Audit: also ask the agent’s model').check();
    await page.getByRole('button', { name: 'Audit' }).click();
    await page.waitForURL(/\/contracts\/[\w-]+$/);
    const demonstrated = page.locator('[data-claim=demonstrated]');
    await demonstrated.getByText('anyone is owner').waitFor({ timeout: 90_000 });
    expect(await demonstrated.innerText()).toMatch(/owner-changed[\s\S]*the owner is 0x/);
    expect(await page.locator('[data-claim=claimed]').innerText()).toMatch(/a feeling[\s\S]*gave no exploit/);
    await looked('contracts-claims');
    await demonstrated.getByRole('link', { name: 'receipt of the run' }).click();
    await page.waitForURL(/\/receipts\/[\w-]+$/);
    await page
      .getByText(/a model.s exploit broke it in a run/)
      .first()
      .waitFor({ timeout: 60_000 });
  });

  it('shows what the compiler said about sources that do not compile', { timeout: LONG_MS }, async () => {
    await page.goto(`${agent.url}/contracts`);
    await page.locator('[data-task]').first().waitFor({ timeout: LONG_MS });
    await page.getByLabel('Or paste one contract').fill('pragma solidity 0.8.24;\ncontract A { uint x }');
    await page.getByRole('button', { name: 'Build only' }).click();
    await page.waitForURL(/\/contracts\/[\w-]+$/);
    await page.getByText('Failed', { exact: true }).first().waitFor({ timeout: LONG_MS });
    await page
      .getByText(/Expected ';'/)
      .first()
      .waitFor({ timeout: LONG_MS });
    await looked('contracts-failed');
  });
});
