/** Requests that are said to be sent again: answered only when the first one is known not to have been. */

import { expectAdvice } from '@assay/testing';
import { expect, test } from 'vitest';
import { ChannelKeys } from '../../identity/channel-keys.ts';
import { resendRefusal } from './resend.ts';

async function refused(value: string): Promise<{ readonly status: number; readonly code: string; readonly detail: string }> {
  const answer = resendRefusal(value, keys);
  if (answer === null) throw new Error('expected a refusal, got leave to answer');
  const { code, detail } = (await answer.json()) as { readonly code: string; readonly detail: string };
  return { status: answer.status, code, detail };
}

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const FIRST = '01'.repeat(32);
const keys = await ChannelKeys.generate(2_000_000_000, DIGEST);

test('a request that was never answered may be sent again, and its first sending is void from then on', async () => {
  expect(resendRefusal(null, keys)).toBeNull();
  expect(resendRefusal(`${DIGEST};${FIRST}`, keys)).toBeNull();
  expect(await refused(`${DIGEST};${FIRST}`)).toMatchObject({ status: 409, code: 'channel/replayed' });
});

test.each([
  ['nothing', ''],
  ['no digest', FIRST],
  ['another keyset', `sha256:${'cd'.repeat(32)};${FIRST}`],
  ['a short request id', `${DIGEST};01`],
  ['capitals', `${DIGEST};${'AB'.repeat(32)}`],
  ['a good name beside a bad one', `${DIGEST};${'02'.repeat(32)}, x`],
  ['too many', Array.from({ length: 9 }, (_, index) => `${DIGEST};${String(index).repeat(64)}`).join(', ')],
])('channel/resend-unsettled: %s', async (_, value) => {
  const { status, code, detail } = await refused(value);
  expect([status, code]).toEqual([409, 'channel/resend-unsettled']);
  expectAdvice(detail, ['assay-resend-of', 'up to 8 requests', 'keysets of this boot']);
});
