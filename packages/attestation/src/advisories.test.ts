/** Published faults of other verifiers and of the hardware, beside those of DCAP (verifier/dcap/advisories.test.ts): each shown not to be here. */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import {
  certificatesOf,
  FAKE_NOW,
  type FakeDstackOptions,
  fakeDcap,
  fakeDstack,
  fakeNitroDocument,
  fakeSnp,
  runtimeEvent,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { STRICT_POLICY } from './appraisal/presets.ts';
import type { Policy } from './model/policy.ts';
import type { TrustAnchor } from './model/verification.ts';
import { verify } from './verify.ts';

/** The policy, with one simulator's root named, so that fake hardware is verified as real hardware would be. */
async function naming(policy: Policy, { spki }: TrustAnchor): Promise<Policy> {
  const hash = encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', spki as BufferSource)));
  return { ...policy, simulatedRoots: [hash] };
}

const failed = ({ checks }: Awaited<ReturnType<typeof verify>>) =>
  checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);

describe('BadFuse and MilanLaunchy (arXiv 2605.12990): any Milan report can be forged, at every firmware level', () => {
  test.each([
    ['Milan', 'refused', ['policy.product']],
    ['Genoa', 'accepted', []],
  ] as const)('strict: %s is %s', async (product, outcome, wanted) => {
    const { report, chain, anchor } = await fakeSnp({ product, version: 3 });
    const options = { now: FAKE_NOW, endorsements: certificatesOf(chain), trust: { roots: [anchor] } };
    const result = await verify(report, { ...options, policy: await naming(STRICT_POLICY, anchor) });
    expect([result.outcome, failed(result)]).toEqual([outcome, wanted]);
  });
});

describe('dstack #879, #1038, #1294: payloads swapped under digests that still replay', () => {
  test.each<[string, NonNullable<FakeDstackOptions['shown']>, string]>([
    [
      'the digest kept',
      (log) => log.map((event) => (event.event === 'compose-hash' ? { ...event, event_payload: 'ff'.repeat(32) } : event)),
      'dstack/event-digest-mismatch',
    ],
    [
      'version 2 with a preimage of the genuine event',
      (log) =>
        log.map((event) =>
          event.event === 'compose-hash' ? { ...event, version: 2, preimage: '{}', event_payload: 'ff'.repeat(32) } : event,
        ),
      'dstack/event-digest-mismatch',
    ],
    [
      'the digest made to fit',
      (log) => log.map((event) => (event.event === 'compose-hash' ? runtimeEvent('compose-hash', 'ff') : event)),
      'dstack/register-mismatch',
    ],
  ])('%s', async (_, shown, code) => {
    const fake = await fakeDstack({ shown });
    const options = { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } };
    const result = await verify(utf8(JSON.stringify(fake.document)), options);
    expect(result).toMatchObject({ outcome: 'not-authentic', error: { code } });
  });
});

describe('CVE-2026-33697: evidence of another genuine enclave, relayed', () => {
  test('is refused wherever the channel has a key of its own, and says that nothing was bound where none was named', async () => {
    const { quote, endorsements, anchors, now } = await fakeDcap();
    const [anchor] = anchors as readonly [TrustAnchor];
    const options = { now, endorsements, trust: { roots: anchors } };
    const own = await verify(quote, { ...options, expected: { reportData: 'c0'.repeat(64) } });
    expect([own.outcome, failed(own)]).toEqual(['refused', expect.arrayContaining(['policy.report-data'])]);
    const unasked = await verify(quote, { ...options, policy: await naming({ version: 1, name: 'any' }, anchor) });
    expect(unasked.checks.find(({ id }) => id === 'policy.key-binding')?.outcome).toBe('not-checked');
  });
});

describe('GHSA-xrv8-2pf5-f3q7: NitroTPM register 12 (the kernel command line) left out of the comparison', () => {
  const registers = (command: number): Map<number, Uint8Array> =>
    new Map([4, 7, 12].map((index) => [index, new Uint8Array(48).fill(index === 12 ? command : index)]));

  test.each([
    [1, 'accepted'],
    [2, 'refused'],
  ])('with command line %i: %s', async (command, outcome) => {
    const { document, anchor } = await fakeNitroDocument({
      fields: { pcrs: undefined as never, nitrotpm_pcrs: registers(command) },
    });
    const values = Object.fromEntries(
      [4, 7].map((index) => [`nitrotpm-pcr${index}`, [encodeHex(new Uint8Array(48).fill(index))]]),
    );
    const wanted: Policy = {
      version: 1,
      name: 'mine',
      measurements: [{ type: 'tpm', values: { ...values, 'nitrotpm-pcr12': ['01'.repeat(48)] } }],
    };
    const options = { now: FAKE_NOW, trust: { roots: [anchor] }, policy: await naming(wanted, anchor) };
    expect((await verify(document, options)).outcome).toBe(outcome);
  });
});
