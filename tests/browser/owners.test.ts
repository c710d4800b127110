/**
 * The owners' page in Chromium with a wallet stand-in: a hidden and a public variable, two owners in two browsers, a policy that is read before
 * it is signed, a transaction that waits and is approved, its story, the pause; and what is refused.
 */

import { cpSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { chromiumPath, launchChromium } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { API_KEY, MANIFEST, OWNERS, type OwnedAgent, startOwnedAgent, temporary } from '../operator/owned-agent.ts';
import { expectAccessibleInEachLook } from './axe.ts';
import { visitOwned } from './owned-visit.ts';
import { giveWallet } from './wallet-stand-in.ts';

const LONG_MS = 180_000;
const RECIPIENT = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const [FIRST, SECOND] = OWNERS as [(typeof OWNERS)[number], (typeof OWNERS)[number]];

describe.skipIf(chromiumPath() === null)('the page of the owners', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  }, LONG_MS);
  afterAll(async () => {
    await browser?.close();
  });

  const visit = (agent: OwnedAgent): Promise<Page> => visitOwned(browser, agent);
  const signed = (page: Page, words: string): Promise<void> => page.getByText(words).waitFor();

  it('sets variables, hidden ones sealed, with the signatures of two owners in two browsers', {
    timeout: LONG_MS,
  }, async () => {
    const agent = await startOwnedAgent();
    const [one, two] = [await visit(agent), await visit(agent)];
    const wallet = await giveWallet(one, FIRST);
    await giveWallet(two, SECOND);
    const sent: string[] = [];
    one.on('request', (request) => sent.push(`${request.url()} ${request.postDataBuffer()?.toString('latin1') ?? ''}`));

    await one.goto(`${agent.url}/owners`);
    await one.locator('[data-variable=greeting][data-version="0"]').waitFor({ timeout: LONG_MS });
    await expectAccessibleInEachLook(one, 'owners');

    await one.getByRole('button', { name: 'Set openrouter_api_key' }).click();
    await one.getByLabel('Value').fill('sk-my-hidden-key');
    await one.getByRole('button', { name: 'Continue' }).click();
    const dialog = one.getByRole('dialog', { name: 'Set a variable' });
    await dialog.waitFor();
    expect(await dialog.innerText()).toContain('hidden: only the enclave can read it');
    wallet.use(null);
    await dialog.getByRole('button', { name: 'Sign with wallet' }).click();
    await signed(one, 'You declined in the wallet. Nothing was signed.');
    wallet.use(FIRST);
    await dialog.getByRole('button', { name: 'Sign with wallet' }).click();
    await signed(one, '1 of 2 owners have signed.');
    await expectAccessibleInEachLook(one, 'owners-sign');

    await one.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await dialog.getByRole('button', { name: 'Copy for other owners' }).click();
    const copied = await one.evaluate(() => navigator.clipboard.readText());
    expect(copied).not.toContain('sk-my-hidden-key');

    await two.goto(`${agent.url}/owners`);
    await two.getByLabel('The change, as it was copied').fill(copied.replace('openrouter_api_key', 'secret_token'));
    await two.getByRole('button', { name: 'Read it' }).click();
    await signed(two, '0 of 2 owners have signed.');
    await two.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await two.getByLabel('The change, as it was copied').fill(copied);
    await two.getByRole('button', { name: 'Read it' }).click();
    await signed(two, '1 of 2 owners have signed.');
    await two.getByRole('button', { name: 'Sign with wallet' }).click();
    await signed(two, '2 of 2 owners have signed.');
    await two.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await two.locator('[data-receipt]').waitFor();
    await two.locator('[data-variable=openrouter_api_key][data-version="1"]').waitFor();
    expect(await two.locator('main').innerText()).not.toContain('sk-my-hidden-key');
    expect(sent.join('\n')).not.toContain('sk-my-hidden-key');
    await two.locator('[data-receipt]').click();
    await two.locator('[data-story=change]', { hasText: 'Owners set a variable' }).waitFor({ timeout: LONG_MS });
  });

  it('reads a policy before it is signed, approves what waits, tells the story of the transaction, and pauses', {
    timeout: LONG_MS,
  }, async () => {
    const agent = await startOwnedAgent({ manifest: { ...MANIFEST, owners: { ...MANIFEST.owners, threshold: 1 } } });
    const page = await visit(agent);
    const wallet = await giveWallet(page, FIRST);
    const node = await startNode();
    await page.goto(`${agent.url}/owners`);
    await page.getByText('none: nothing is signed').waitFor({ timeout: LONG_MS });
    await page.getByText('signs nothing: no policy', { exact: true }).waitFor();

    await page.getByText('Set a policy', { exact: true }).click();
    await page.getByLabel('Policy as JSON').fill('{"v":"assay-operator-policy/1"}');
    await page.getByText('the policy: chains').waitFor();
    const policy = {
      v: 'assay-operator-policy/1',
      chains: { 84532: { rpc_urls: [node], max_fee_per_gas: '20000000000', confirmations: 1 } },
      rules: [
        {
          ...{ id: 'tips', effect: 'allow', match: { recipients: [RECIPIENT] } },
          ...{ caps: [{ asset: 'native', at_most: '10000000000000000' }], approval: { above: '1000000000000000' } },
        },
      ],
    };
    await page.getByLabel('Policy as JSON').fill(JSON.stringify(policy));
    const words = page.getByRole('region', { name: 'What the new policy says' });
    await words.getByText('Owners must approve a transaction that spends more than 0.001 of the native coin').waitFor();
    await page.locator('[data-ends-what-waits="0"]', { hasText: 'ends every transaction that waits' }).waitFor();
    await words.getByRole('button', { name: 'Continue to signing' }).click();
    await page.getByRole('dialog').locator('[data-ends-what-waits]').waitFor();
    await page.getByRole('button', { name: 'Sign with wallet' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Done', { exact: true }).waitFor();
    await page.getByRole('region', { name: 'Policy', exact: true }).getByText('version 1', { exact: true }).waitFor();
    await expect.poll(() => page.locator('[data-rule=tips]').count()).toBe(1);
    await page.getByText('signs what the policy allows', { exact: true }).waitFor();

    const pay = { transaction: { to: RECIPIENT, value: '5000000000000000' }, rpc_url: node };
    const answer = await agent.post('/api/v1/sign-transaction', pay, { authorization: `Bearer ${API_KEY}` });
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([202, expect.stringContaining('approval')]);
    const waiting = page.locator('[data-pending]');
    await waiting.getByText('0.005').waitFor();
    await page.getByText('Set another policy', { exact: true }).click();
    await page.locator('[data-ends-what-waits="1"]', { hasText: 'One waits now; it ends.' }).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await expectAccessibleInEachLook(page, 'owners-waiting');
    await waiting.getByRole('button', { name: 'Approve' }).click();
    for (const words of ['5000000000000000 wei on chain 84532', RECIPIENT])
      await expect.poll(() => page.getByRole('dialog').innerText()).toContain(words);
    await page.getByRole('button', { name: 'Sign with wallet' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    const paid = page.locator('[data-transaction]');
    await paid.waitFor({ timeout: LONG_MS });
    expect(await page.locator('[data-pending]').count()).toBe(0);
    await paid.getByText('Story').click();
    await paid.locator('[data-told] [data-outcome=accepted]').waitFor({ timeout: LONG_MS });
    for (const kind of ['decision', 'transaction', 'sealed', 'logged'])
      expect(await paid.locator(`[data-story=${kind}]`).count(), kind).toBeGreaterThan(0);
    await expectAccessibleInEachLook(page, 'owners-transaction');

    await page.getByRole('button', { name: 'Pause signing' }).click();
    await page.getByRole('button', { name: 'Sign with wallet' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await page.getByText('signing is paused').waitFor();
    const refused = await agent.post('/api/v1/sign-transaction', pay, { authorization: `Bearer ${API_KEY}` });
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'operator/paused' }]);
    expect(new Set(wallet.asked)).toEqual(new Set(['eth_requestAccounts', 'eth_signTypedData_v4']));
  });

  it('changes the owners and how many must sign, and goes on after a data directory that was put back', {
    timeout: LONG_MS,
  }, async () => {
    const directory = temporary();
    const before = await startOwnedAgent({ directory });
    await before.agent.close();
    cpSync(join(directory, 'data'), join(directory, 'copy'), { recursive: true });
    const later = await startOwnedAgent({ directory });
    const remembered = encodeBase64(utf8(await (await later.request('/log/checkpoint')).text()));
    await later.agent.close();
    rmSync(join(directory, 'data'), { recursive: true });
    cpSync(join(directory, 'copy'), join(directory, 'data'), { recursive: true });
    const agent = await startOwnedAgent({ directory });
    const page = await visit(agent);
    const wallet = await giveWallet(page, FIRST);
    await page.goto(`${agent.url}/owners`);
    await page.locator('[data-owners-version="0"]').waitFor({ timeout: LONG_MS });

    await page.getByText('Change the owners', { exact: true }).click();
    const stranger = `0x${'55'.repeat(20)}`;
    const addresses = page.getByLabel('Owners', { exact: true });
    await addresses.fill(FIRST.address.replace(/[a-f](?=[^a-f]*$)/i, (letter) => flipped(letter)));
    await page.getByRole('button', { name: 'Continue to signing' }).click();
    await page.getByText('is mistyped: its checksum (EIP-55) is another').waitFor();
    await addresses.fill(`${FIRST.address}\n${FIRST.address}`);
    await page.getByRole('button', { name: 'Continue to signing' }).click();
    await page.getByText('Expected each owner once.').waitFor();
    await addresses.fill(`${FIRST.address}\n${stranger}`);
    await page.getByLabel('How many must sign from then on').fill('3');
    await page.getByRole('button', { name: 'Continue to signing' }).click();
    await page.getByText('Expected a number from 1 to 2 that must sign.').waitFor();
    await page.getByLabel('How many must sign from then on').fill('1');
    const difference = page.locator('[data-owners-difference]');
    await difference.getByText(`Adds ${stranger}`).waitFor();
    await difference.getByText(`Removes ${SECOND.address.toLowerCase()}`).waitFor();
    await difference.getByText('1 must sign in place of 2').waitFor();
    await expectAccessibleInEachLook(page, 'owners-change');
    await page.getByRole('button', { name: 'Continue to signing' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change the owners' });
    await dialog.getByText('1 of 2', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Sign with wallet' }).click();
    await signed(page, '1 of 2 owners have signed.');
    wallet.use(SECOND);
    await dialog.getByRole('button', { name: 'Sign with wallet' }).click();
    await signed(page, '2 of 2 owners have signed.');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await page.locator('[data-owners-version="1"]').waitFor();
    await page.getByText('1 of 2 must sign').waitFor();

    const asked = { message: 'hello' };
    const headers = { authorization: `Bearer ${API_KEY}`, 'assay-checkpoint': remembered };
    expect((await agent.post('/api/v1/sign-message', asked, headers)).body).toMatchObject({ code: 'operator/state-behind' });
    const notice = page.getByRole('alert').filter({ hasText: 'The data directory was put back' });
    await notice.waitFor();
    await expectAccessibleInEachLook(page, 'owners-behind');
    wallet.use(FIRST);
    await notice.getByRole('button', { name: 'Acknowledge the lost entries' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign with wallet' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await notice.waitFor({ state: 'detached' });
    expect((await agent.post('/api/v1/sign-message', asked, headers)).body).toMatchObject({ code: 'operator/denied' });
  });

  it('signs nothing for another agent, for a stranger’s account, or without a wallet; and says what an agent without owners is', {
    timeout: LONG_MS,
  }, async () => {
    const agent = await startOwnedAgent();
    const page = await visit(agent);
    await page.goto(`${agent.url}/owners`);
    await page.getByRole('button', { name: 'Pause signing' }).click({ timeout: LONG_MS });
    await page.getByRole('button', { name: 'Sign with wallet' }).click();
    await page.getByText('This browser has no Ethereum wallet').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    const fields = { agentId: `0x${'ab'.repeat(32)}`, paused: true, version: 1, previousHash: `0x${'00'.repeat(32)}` };
    const foreign = { message: { type: 'SetPaused', fields: { ...fields, expiry: 4_000_000_000 } }, signatures: [] };
    await page.getByLabel('The change, as it was copied').fill(JSON.stringify(foreign));
    await page.getByRole('button', { name: 'Read it' }).click();
    await page.getByText('This change is for another agent').waitFor();
    await page.getByLabel('The change, as it was copied').fill('{');
    await page.getByRole('button', { name: 'Read it' }).click();
    await page.getByText('Expected the JSON of a change').waitFor();

    const { privateKeyToAccount } = await import('viem/accounts');
    const other = await visit(agent);
    await giveWallet(other, privateKeyToAccount(`0x${'55'.repeat(32)}`));
    await other.goto(`${agent.url}/owners`);
    await other.getByRole('button', { name: 'Pause signing' }).click({ timeout: LONG_MS });
    await other.getByRole('button', { name: 'Sign with wallet' }).click();
    await other.getByText('is no owner of this agent').waitFor();
  });
});

/** A letter in the other case. */
function flipped(letter: string): string {
  return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
}

/** A node that knows the chain's id, takes every transaction, and includes none. */
async function startNode(): Promise<string> {
  const answers: Readonly<Record<string, unknown>> = {
    eth_chainId: '0x14a34',
    eth_getTransactionCount: '0x0',
    eth_gasPrice: '0x3b9aca00',
    eth_maxPriorityFeePerGas: '0x3b9aca00',
    eth_blockNumber: '0x10',
    eth_getBlockByNumber: { number: '0x10', baseFeePerGas: '0x3b9aca00', hash: `0x${'11'.repeat(32)}` },
    eth_estimateGas: '0x5208',
    eth_call: '0x',
    eth_sendRawTransaction: `0x${'22'.repeat(32)}`,
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as { readonly id: number; readonly method: string };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: answers[method] ?? null }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
