/**
 * The outside head on the owners' page in Chromium: a witness that cosigns, one that refuses a data directory that was put back, how owners
 * waive it, with lost entries and without, and how they ask for it again.
 */

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { parseCheckpoint } from '@assay/receipt';
import { chromiumPath, launchChromium } from '@assay/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, MANIFEST, OWNERS, type OwnedAgent, startOwnedAgent, temporary } from '../operator/owned-agent.ts';
import { startWitness } from '../operator/witness-stand-in.ts';
import { expectAccessibleInEachLook } from './axe.ts';
import { visitOwned, WIDE } from './owned-visit.ts';
import { giveWallet } from './wallet-stand-in.ts';

const LONG_MS = 180_000;
const [OWNER] = OWNERS as [(typeof OWNERS)[number]];

type Keyed = { readonly log: { readonly verifier_keys: readonly string[] } };

/** The code of what the wallet answers: `operator/denied` when nothing but the policy stands in its way. */
async function codeOf(agent: OwnedAgent, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const given = { authorization: `Bearer ${API_KEY}`, ...headers };
  return ((await agent.post('/api/v1/sign-message', { message: 'hello' }, given)).body as { readonly code: string }).code;
}

async function signAndSend(page: Page, says: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Acknowledge lost entries of the log' });
  await dialog.getByText(says, { exact: true }).waitFor();
  await dialog.getByRole('button', { name: 'Sign with wallet' }).click();
  await dialog.getByRole('button', { name: 'Send' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** An agent with a witness that was started once; its data directory as it was then is in `copy`. */
async function copiedAgent() {
  let keys: readonly string[] = [];
  const witness = await startWitness(() => keys);
  const manifest = {
    ...MANIFEST,
    owners: { ...MANIFEST.owners, threshold: 1 },
    witness: { url: witness.url, vkey: witness.vkey },
  };
  const directory = temporary();
  const before = await startOwnedAgent({ directory, manifest });
  keys = ((await before.config()) as unknown as Keyed).log.verifier_keys;
  await before.agent.close();
  cpSync(join(directory, 'data'), join(directory, 'copy'), { recursive: true });
  return { witness, manifest, directory };
}

describe.skipIf(chromiumPath() === null)('the witness on the page of the owners', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  }, LONG_MS);
  afterAll(async () => {
    await browser?.close();
  });

  it('is shown, waived by owners when the data directory was put back, and asked again', { timeout: LONG_MS }, async () => {
    const { witness, manifest, directory } = await copiedAgent();

    const later = await startOwnedAgent({ directory, manifest });
    expect(await codeOf(later)).toBe('operator/denied');
    const note = await (await later.request('/log/checkpoint')).text();
    const { size } = parseCheckpoint(note);
    const watched = await visitOwned(browser, later);
    await watched.goto(`${later.url}/owners`);
    await watched
      .locator('[data-witness]', { hasText: 'entries, cosigned by witness.example/w1' })
      .waitFor({ timeout: LONG_MS });
    expect(await watched.getByRole('alert').count()).toBe(0);
    await watched.context().close();
    await later.agent.close();

    rmSync(join(directory, 'data'), { recursive: true });
    cpSync(join(directory, 'copy'), join(directory, 'data'), { recursive: true });
    const agent = await startOwnedAgent({ directory, manifest });
    expect(await codeOf(agent)).toBe('operator/state-behind');
    const page = await visitOwned(browser, agent);
    await giveWallet(page, OWNER);
    await page.goto(`${agent.url}/owners`);
    const refused = page.getByRole('alert').filter({ hasText: 'The witness does not cosign this log' });
    await refused.getByText('Its refusal is not signed.').waitFor({ timeout: LONG_MS });
    await page.getByText('signs nothing', { exact: true }).waitFor();
    await expectAccessibleInEachLook(page, 'owners-witness-refuses');

    // A caller shows the lost head, which is signed: owners acknowledge it, with the witness or without.
    expect(await codeOf(agent, { 'assay-checkpoint': encodeBase64(utf8(note)) })).toBe('operator/state-behind');
    const lost = page.getByRole('alert').filter({ hasText: 'The data directory was put back' });
    await lost.getByText(`A memory outside has ${size} entries`).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await expectAccessibleInEachLook(page, 'owners-behind-with-witness');
    await page.setViewportSize(WIDE);
    await lost.getByRole('button', { name: 'Acknowledge the lost entries' }).click();
    await signAndSend(page, 'must cosign, where the manifest names one');
    await refused.waitFor();
    expect(await codeOf(agent)).toBe('operator/state-behind');

    await refused.getByRole('button', { name: 'Sign without the witness' }).click();
    await signAndSend(page, 'signing goes on without it');
    await refused.waitFor({ state: 'detached' });
    await page.locator('[data-witness=waived]').waitFor();
    await page.getByText('signs nothing: no policy', { exact: true }).waitFor();
    await expectAccessibleInEachLook(page, 'owners-witness-waived');
    expect(await codeOf(agent)).toBe('operator/denied');

    await page.getByRole('button', { name: 'Ask the witness again' }).click();
    await signAndSend(page, 'must cosign, where the manifest names one');
    expect(await codeOf(agent)).toBe('operator/state-behind');
    await refused.waitFor();
    // A head that was signed after the acknowledgement is not among those that owners know to be lost.
    expect(((await agent.config()) as unknown as { outside_head: object }).outside_head).toMatchObject({
      witness: { refused_size: witness.size() },
      behind: null,
      acknowledged: { size, version: 3, without_witness: false },
    });
  });

  it('is waived in the same signature as the lost entries', { timeout: LONG_MS }, async () => {
    const { manifest, directory } = await copiedAgent();
    const later = await startOwnedAgent({ directory, manifest });
    expect(await codeOf(later)).toBe('operator/denied');
    const note = await (await later.request('/log/checkpoint')).text();
    await later.agent.close();
    rmSync(join(directory, 'data'), { recursive: true });
    cpSync(join(directory, 'copy'), join(directory, 'data'), { recursive: true });
    const agent = await startOwnedAgent({ directory, manifest });
    const remembered = { 'assay-checkpoint': encodeBase64(utf8(note)) };
    expect(await codeOf(agent, remembered)).toBe('operator/state-behind');

    const page = await visitOwned(browser, agent);
    await giveWallet(page, OWNER);
    await page.goto(`${agent.url}/owners`);
    const lost = page.getByRole('alert').filter({ hasText: 'The data directory was put back' });
    await lost.getByRole('button', { name: 'Acknowledge them, and sign without the witness' }).click({ timeout: LONG_MS });
    await signAndSend(page, 'signing goes on without it');
    await lost.waitFor({ state: 'detached' });
    await page.locator('[data-witness=waived]').waitFor();
    await page.locator('[data-receipt]').click();
    await page.locator('[data-story=change]', { hasText: 'without the witness' }).waitFor({ timeout: LONG_MS });
    expect(await codeOf(agent, remembered)).toBe('operator/denied');
  });
});
