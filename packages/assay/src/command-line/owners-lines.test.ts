/** What owners read before they sign: who must sign, what is in force and what waits, each id whole. */

import { parseSigningPolicy, policyHash, ZERO_HASH } from '@assay/operator';
import { FAKE_NOW, shownConfig, shownControl, shownWaiting, transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { parseShownAgent, parseShownTransactions, type ShownAgent, type WaitingTransaction } from '../owners/shown-agent.ts';
import { ownersLines, policyLines, waitingLines } from './owners-lines.ts';

const AGENT = `0x${'aa'.repeat(32)}`;
const HASH = `0x${'bb'.repeat(32)}`;
const OWNER = `0x${'cc'.repeat(20)}`;
const io = transcript({ cwd: '/', now: FAKE_NOW });
const POLICY = parseSigningPolicy(
  JSON.stringify({
    v: 'assay-operator-policy/1',
    chains: {},
    rules: [{ id: 'no-tools', effect: 'deny', match: { callers: ['tool'] } }],
  }),
);

function config(members: { readonly paused?: boolean; readonly policy?: typeof POLICY }): ShownAgent {
  const { paused = false, policy = null } = members;
  const hash = policy === null ? ZERO_HASH : policyHash(policy);
  return parseShownAgent(shownConfig({ policy, control: shownControl({ paused: { paused }, policy: { policy_hash: hash } }) }));
}

function waits(members: object): WaitingTransaction {
  const [waiting] = parseShownTransactions({ transactions: [], pending: [shownWaiting(members)] }).pending;
  return waiting as WaitingTransaction;
}

test.each([
  ['without a policy', {}, /signs +nothing: there is no policy\n/],
  ['under a policy', { policy: POLICY }, /signs +what the policy allows\n[\s\S]*\npolicy, version 3\n {2}deny {2}no-tools {2}/],
  ['while it is paused', { policy: POLICY, paused: true }, /signs +paused by an owner: nothing\n/],
])('an agent %s', (_, members, shown) => {
  const lines = ownersLines(config(members), [], io);
  expect(lines).toMatch(shown);
  for (const word of [AGENT, OWNER, '1 of 1 must sign', 'waits   nothing']) expect(lines).toContain(word);
});

test('what waits is named by its whole hash, with whom it pays and until when', () => {
  const waiting = waits({ chain_id: 8453, expiry: 0 });
  expect(ownersLines(config({}), [waiting, { ...waiting, to: null }], io)).toContain(
    `2 transactions for an approval\n\n${HASH}\n  5 wei to ${OWNER} on chain 8453, until 1970-01-01T00:00Z\n`,
  );
});

test.each([
  ['calldata, whole', { data: `0x095ea7b3${'ff'.repeat(64)}` }, [`0x095ea7b3${'ff'.repeat(64)}`]],
  ['a delegate', { delegates_to: OWNER }, [`lets the contract ${OWNER} spend everything`]],
  ['the end of a delegation', { delegates_to: `0x${'00'.repeat(20)}` }, ['ends the delegation']],
  ['blobs', { blobs: 2 }, ['with 2 blobs']],
])('owners read %s', (_, members, words) => {
  const shown = waitingLines(waits(members), io).replaceAll(/\n\s+/g, ' ');
  for (const word of words) expect(shown).toContain(word);
});

test('a policy ends with what holds whatever its rules say', () =>
  expect(policyLines(POLICY, io)).toContain('What no rule allows is denied; a rule that denies wins.\n'));
