/** Genuine SGX and TDX quotes with genuine collateral, verified as Intel's own library verifies them (see the manifest's oracles). */

import { createHash } from 'node:crypto';
import {
  AttestationError,
  DEFAULT_POLICY,
  type NamedClaims,
  VerificationCache,
  verify,
  verifyEvidence,
} from '@assay/attestation';
import { describe, expect, test } from 'vitest';
import { tdxVerifier } from '../../packages/attestation/src/verifier/dcap/tdx.ts';
import { casesOf, endorsementsOf, haveVectors, vectorBytes } from './vectors.ts';

const cases = [...casesOf('intel-sgx'), ...casesOf('intel-tdx')];

/** Advisories that the manifest took from dcap-qvl's JavaScript, which knows no TDX module identities (research note d). */
const MODULE_BLIND = new Set([
  'v4-00806f050000-openpcc-341e069a@2026-06-13',
  'v4-00806f050000-go-tdx-guest-00b2526a@2025-07-08',
  'v4-00806f050000-go-tdx-guest-00b2526a@2026-01-28',
]);
/** What each refusal is about, where the manifest names one cause. */
const CODES: Readonly<Record<string, string>> = {
  'dcap-sgx-oe-bad-chain': 'certificate/chain-broken',
  'dcap-sgx-preprod-root': 'certificate/root-not-trusted',
  'dcap-tdx-preprod-root': 'certificate/root-not-trusted',
  'dcap-tdx-intel-sample-testroot': 'dcap/pck-chain-invalid',
  'dcap-derived-rtmr3-flip': 'dcap/quote-signature-invalid',
  'dcap-derived-authdata-flip': 'dcap/attestation-key-unbound',
  'dcap-derived-version9': 'dcap/version-unsupported',
  'dcap-collateral-tcbinfo-edited': 'dcap/tcb-info-signature-invalid',
  'dcap-collateral-qeid-edited': 'dcap/qe-identity-signature-invalid',
  'dcap-collateral-qeid-other-type': 'endorsements/foreign',
  'dcap-collateral-rootcrl-wrong-signer': 'certificate/crl-signature-invalid',
  'dcap-collateral-pckcrl-garbage': 'certificate/crl-malformed',
  'dcap-collateral-expired': 'dcap/collateral-expired',
};

/**
 * Genuine quotes beside collateral that is stale, foreign or broken, and one of a version that nothing here can read: nothing is proved
 * against the quote, and nothing for it.
 */
const OPEN = new Set([
  ...['dcap-collateral-qeid-other-type', 'dcap-collateral-pckcrl-garbage', 'dcap-collateral-expired'],
  'dcap-derived-version9',
]);

describe.runIf(haveVectors)('genuine quotes', () => {
  test('are all there', () => expect(cases).toHaveLength(79));

  test.each(cases.map((each) => [each.id, each] as const))('%s', async (id, { evidence, companions, at, expect: wanted }) => {
    const verified = verifyEvidence(vectorBytes(evidence), { now: Date.parse(at), endorsements: endorsementsOf(companions) });
    if (wanted.verdict !== undefined) {
      const error = await verified.then(
        () => expect.unreachable('expected a refusal, got claims'),
        (thrown: unknown) => thrown,
      );
      const kind = AttestationError.is(error) ? error.kind : String(error);
      const isOpen = wanted.verdict !== 'invalid' || OPEN.has(id);
      expect(kind).toMatch(isOpen ? /^unavailable$/ : /^(untrusted|malformed)$/);
      if (id in CODES) expect(error).toMatchObject({ code: CODES[id] });
      return;
    }
    const claims: NamedClaims = await verified;
    expect(claims.tcb?.status).toBe(wanted.tcb_status.split('(')[0]);
    expect(claims.debug).toBe(wanted.debug);
    expect(claims.identity.fmspc).toBe(wanted.fmspc);
    expect(claims.bindings.reportData).toBe(wanted.report_data);
    if (wanted.advisories_dcap_qvl !== null && !MODULE_BLIND.has(id)) {
      expect(claims.tcb?.advisories).toEqual([...wanted.advisories_dcap_qvl].sort());
    }
  });

  test('are refused by the default policy unless up to date, in production mode and without a service TD', async () => {
    for (const { id, evidence, companions, at, expect: wanted, ...more } of cases) {
      const options = { now: Date.parse(at), endorsements: endorsementsOf(companions), policy: DEFAULT_POLICY };
      const { outcome } = await verify(vectorBytes(evidence), options);
      const flags = (more as { policy_flags?: readonly string[] }).policy_flags ?? [];
      const clean = wanted.tcb_status === 'UpToDate' && !flags.includes('debug') && !flags.includes('mr_service_td-nonzero');
      expect(outcome === 'accepted', id).toBe(clean);
    }
  });

  test('without collateral are unavailable, never accepted', async () => {
    for (const { evidence, at, expect: wanted } of cases.filter((each) => each.expect.tcb_status !== undefined)) {
      const { outcome, error } = await verify(vectorBytes(evidence), { now: Date.parse(at) });
      expect([outcome, error?.code], wanted.fmspc).toEqual(['unavailable', 'dcap/collateral-missing']);
    }
  });

  test('are the same in hex and base64', async () => {
    const [sample] = cases.filter((each) => each.expect.tcb_status === 'UpToDate' && each.tee === 'intel-tdx');
    if (sample === undefined) throw new Error('expected an up-to-date TDX case');
    const options = { now: Date.parse(sample.at), endorsements: endorsementsOf(sample.companions) };
    const bytes = vectorBytes(sample.evidence);
    const hex = Buffer.from(bytes).toString('hex');
    const base64 = Buffer.from(bytes).toString('base64');
    const base64url = Buffer.from(bytes).toString('base64url');
    const whole = await verifyEvidence(bytes, options);
    for (const text of [hex, `0x${hex}\n`, hex.toUpperCase(), base64, base64url, base64.replace(/(.{64})/g, '$1\n')]) {
      expect(await verifyEvidence(new TextEncoder().encode(text), options)).toEqual(whole);
    }
  });

  test('the padded quote of a TSM report is read', async () => {
    const { error } = await verify(vectorBytes('tdx/envelopes/ccel-gcp-cos113.quote'), { now: Date.UTC(2025, 5, 1) });
    expect(error?.code).toBe('dcap/collateral-missing');
  });
});

/** Azure's vTPM evidence. */
describe.runIf(haveVectors)('an Azure vTPM envelope', () => {
  const files = ['trustee-az-tdx-vtpm-evidence-v1.json', 'attestation-rs-az_tdx-live-evidence.json'];
  const read = (name: string): Uint8Array => vectorBytes(`tdx/envelopes/${name}`);

  test.each(files)('%s holds a genuine TDX quote', async (name) => {
    const evidence = tdxVerifier.recognise(read(name));
    expect(evidence?.value.envelope?.unread).toEqual(['tpm_quote']);
    const { error } = await verify(read(name), { now: Date.UTC(2026, 0, 1) });
    expect(error?.code).toBe('dcap/collateral-missing');
  });

  test.each(files)('%s binds its runtime data', (name) => {
    const value = tdxVerifier.recognise(read(name))?.value;
    const { bytes = new Uint8Array() } = value?.envelope?.runtimeData ?? {};
    const digest = createHash('sha256').update(bytes).digest('hex');
    expect(Buffer.from(value?.body.reportData ?? []).toString('hex')).toBe(digest.padEnd(128, '0'));
    expect(JSON.parse(new TextDecoder().decode(bytes))).toHaveProperty('keys');
  });
});

/** One genuine quote of each version and TEE; every bit of everything signed in it. */
const FLIPPED = [
  'v3-00606a000000-oasis-core-b202abe0@2022-06-22',
  'v4-20a06f000000-dcap-qvl-9069d475@2025-08-14',
  'v5-90c06f000000-go-tdx-guest-cf77a6e9@2026-04-06',
];

describe.runIf(haveVectors)('every single-bit flip of a genuine quote', () => {
  test.each(FLIPPED)(
    'is refused: %s',
    async (id) => {
      const found = cases.find((each) => each.id === id);
      if (found === undefined) throw new Error(`expected case ${id}`);
      const options = {
        now: Date.parse(found.at),
        endorsements: endorsementsOf(found.companions),
        cache: new VerificationCache(),
      };
      const quote = vectorBytes(found.evidence);
      await verifyEvidence(quote, options);
      const pem = Buffer.from(quote).indexOf('-----BEGIN');
      for (let bit = 0; bit < 8 * pem; bit++) {
        const flipped = quote.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const outcome = await verifyEvidence(flipped, options).then(
          () => 'accepted',
          () => 'refused',
        );
        if (outcome !== 'refused') expect.unreachable(`bit ${bit} was accepted`);
      }
    },
    300_000,
  );
});
