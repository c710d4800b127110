/** A change leaves with the signatures of owners alone, and only when enough of them signed this very message for this agent in time. */

import { bytesOf, type Hex, type OwnerMessage, ownerMessageHash, parseOwnerMessage, signDigest } from '@assay/operator';
import { expectRefusal, shownConfig, shownControl } from '@assay/testing';
import { expect, test } from 'vitest';
import { ownersMessage, pauseMessage } from '../owners/control-change.ts';
import { parseShownAgent } from '../owners/shown-agent.ts';
import { enoughSigned } from './change-to-send.ts';

const AGENT = `0x${'aa'.repeat(32)}` as const;
const OWNERS = ['0x1563915e194d8cfba1943570603f7606a3115508', '0x5cbdd86a2fa8dc4bddd8a8f69dba48572eec07fb'] as const;
const NOW = 1_800_000_000;
const shown = parseShownAgent(shownConfig({ control: shownControl({ owners: { addresses: OWNERS, threshold: 2 } }) }));
const place = { agentId: AGENT, current: { version: 0, change_hash: AGENT }, expiry: NOW + 600 };
const resume = pauseMessage(place, false);
const signed = (byte: string, message: OwnerMessage): Hex =>
  signDigest(bytesOf(ownerMessageHash(parseOwnerMessage(message))), bytesOf(`0x${byte.repeat(32)}`));
const both = (message: OwnerMessage): readonly Hex[] => ['22', '33'].map((byte) => signed(byte, message));
const sent = (message: OwnerMessage, signatures: readonly Hex[], now = NOW) =>
  enoughSigned({ entry: { message, signatures } as never, signatures }, shown, now).signatures;

test('signatures of strangers, and second ones of an owner, are left out', () => {
  const [first, second] = both(resume) as [Hex, Hex];
  expect(sent(resume, [signed('55', resume), first, first, second])).toEqual([first, second]);
});

test('one owner suffices for a pause', () => {
  const pause = pauseMessage(place, true);
  expect(sent(pause, [signed('33', pause)])).toHaveLength(1);
});

const lone = ownersMessage(place, { owners: [OWNERS[0]], threshold: 2 });
test.each<[string, OwnerMessage, readonly Hex[], string, string]>([
  ['one of two', resume, [signed('22', resume)], 'operator/too-few-signers', 'expected signatures of 2 owners, got 1'],
  ['one owner and a stranger', resume, [signed('22', resume), signed('55', resume)], 'operator/too-few-signers', '1 more'],
  ['two over another message', resume, both(pauseMessage(place, true)), 'operator/too-few-signers', 'got 0'],
  [
    'two for another agent',
    pauseMessage({ ...place, agentId: otherAgent() }, false),
    [],
    'operator/other-agent',
    'expected agent',
  ],
  ['two who were too slow', pauseMessage({ ...place, expiry: NOW }, false), [], 'operator/expired', '--expires'],
  ['a threshold that is out of reach', lone, [], 'operator/message-malformed', 'can reach'],
  ['7000 signatures', resume, Array.from({ length: 7000 }, many), 'operator/message-malformed', 'got 7000'],
])('%s: nothing is sent', async (_, message, signatures, code, words) => {
  await expectRefusal(() => sent(message, signatures), code, [words]);
});

function otherAgent(): Hex {
  return `0x${'bb'.repeat(32)}`;
}

function many(_: unknown, index: number): Hex {
  return `0x${String(index).padStart(130, '0')}`;
}
