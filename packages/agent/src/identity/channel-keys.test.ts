/** The sets of keys that live side by side, what each of them accepted, and what is known of requests sent again. */
import { encapsulateRequest, parseKeyConfigs, RESEND_HEADER, resendOf } from '@assay/channel';
import { utf8 } from '@assay/encoding/bytes';
import { describe, expect, it } from 'vitest';
import { resendRefusal } from '../http/channel/resend.ts';
import { ChannelKeys, MAX_REQUESTS_PER_KEY } from './channel-keys.ts';

const NOW = 1_790_000_000;
const [FIRST, SECOND] = [`sha256:${'11'.repeat(32)}`, `sha256:${'22'.repeat(32)}`];
const numbered = (n: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
};
/** One set in force until an hour from now, or a second one beside it for ten minutes. */
async function keysets(count: 1 | 2): Promise<ChannelKeys> {
  const keys = await ChannelKeys.generate(NOW + 3600, FIRST);
  if (count === 2) keys.publish(await keys.next(NOW + 7200), SECOND, NOW + 600);
  return keys;
}

describe('sets', () => {
  it('are listed together until the older one ends, by different ids', async () => {
    const keys = await keysets(2);
    const ids = (at: number) => parseKeyConfigs(keys.configuration(at)).map(({ keyId }) => keyId);
    expect([ids(NOW), ids(NOW + 599), ids(NOW + 600)]).toEqual([
      [3, 4, 1, 2],
      [3, 4, 1, 2],
      [3, 4],
    ]);
    expect(keys.ending(NOW)).toMatchObject([{ keysetDigest: FIRST, endsAt: NOW + 600 }]);
    expect(keys.baselines(NOW).length).toBe(2);
    expect(keys.keys.map(({ keyId }) => keyId)).toEqual([3, 4]);
  });

  it('never share an id, however many came before', { timeout: 60_000 }, async () => {
    const keys = await keysets(1);
    for (let n = 0; n < 260; n += 1) {
      keys.publish(await keys.next(NOW + 7200), `sha256:${n}`, NOW);
      keys.end(NOW);
      const ids = keys.keys.map(({ keyId }) => keyId);
      expect(new Set(ids).size === 2 && ids.every((id) => id > 0 && id < 255), String(ids)).toBe(true);
    }
  });

  it('are worn at three quarters and exhausted at the limit, and fresh again when replaced', { timeout: 60_000 }, async () => {
    const keys = await keysets(1);
    const worn = MAX_REQUESTS_PER_KEY * 0.75;
    for (let n = 0; n < worn - 1; n += 1) keys.claim(numbered(n));
    expect(keys.worn).toBe(false);
    keys.claim(numbered(worn));
    expect(keys.worn).toBe(true);
    for (let n = worn + 1; n <= MAX_REQUESTS_PER_KEY; n += 1) keys.claim(numbered(n));
    expect(keys.claim(numbered(5_000_000))).toBe('exhausted');
    keys.publish(await keys.next(NOW + 7200), SECOND, NOW + 600);
    expect([keys.worn, keys.claim(numbered(5_000_000)), keys.claim(numbered(7))]).toEqual([false, 'fresh', 'replayed']);
  });
});

describe('what became of a request', () => {
  const id = 'ab'.repeat(32);
  it('is known while its keyset is remembered, and settled once', async () => {
    const keys = await keysets(2);
    expect(keys.claim(numbered(1))).toBe('fresh');
    expect(keys.settle(FIRST, Buffer.from(numbered(1)).toString('hex'))).toBe('replayed');
    expect([keys.settle(FIRST, id), keys.settle(FIRST, id)]).toEqual(['fresh', 'replayed']);
    keys.end(NOW + 600);
    expect(keys.settle(FIRST, 'cd'.repeat(32)), 'an hour after its end').toBe('fresh');
    keys.end(NOW + 600 + 3600);
    expect(keys.settle(FIRST, 'ef'.repeat(32))).toBe('unknown');
    expect(keys.settle(SECOND, 'ef'.repeat(32))).toBe('fresh');
  });

  it('settled first, the request itself is refused when it comes', async () => {
    const keys = await keysets(2);
    const [, , config] = parseKeyConfigs(keys.configuration(NOW));
    const { bytes, opener } = await encapsulateRequest(config!, utf8('x'));
    const named = resendOf(FIRST, opener.encapsulated);
    expect(resendRefusal(named, keys)).toBeNull();
    const { encapsulated } = await keys.open(bytes, 'whole', NOW);
    expect(keys.claim(encapsulated)).toBe('replayed');
  });

  it.each([
    ['nothing named', '', 'channel/resend-unsettled'],
    ['another keyset', `sha256:${'33'.repeat(32)};${id}`, 'channel/resend-unsettled'],
    ['no id', `${FIRST};`, 'channel/resend-unsettled'],
    ['one good and one unknown', `${FIRST};${id}, sha256:${'33'.repeat(32)};${id}`, 'channel/resend-unsettled'],
    ['more than anybody needs', Array(9).fill(`${FIRST};${id}`).join(', '), 'channel/resend-unsettled'],
    ['the same twice', `${FIRST};${id}, ${FIRST};${id}`, 'channel/replayed'],
  ])(`${RESEND_HEADER} with %s is refused`, async (_, value, code) => {
    const answer = resendRefusal(value, await keysets(1));
    expect([answer?.status, await answer?.json()]).toMatchObject([409, { code }]);
  });
});
