/**
 * Sigstore provenance under the pinned public-good root, offline. `conformance.bundle.json` is a genuine public record: the in-toto
 * happy path of sigstore/sigstore-conformance (Apache-2.0), signed by a GitHub workflow and logged in Rekor.
 */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transcript } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { run } from '../../../packages/assay/src/command-line/program.ts';
import { measurementsOf, type ProvenanceOptions, readProvenance } from '../../../packages/assay/src/command-line/provenance.ts';

const file = fileURLToPath(new URL('./conformance.bundle.json', import.meta.url));
const text = await readFile(file, 'utf8');
const GITHUB = { identity: 'https://github.com/*', issuer: 'https://token.actions.githubusercontent.com' };

function codeOf(bundle: string, options: ProvenanceOptions = GITHUB): string {
  try {
    readProvenance(bundle, options);
    return 'accepted';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

interface Bundle {
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
  verificationMaterial: { tlogEntries: { canonicalizedBody: string }[] };
}

const changed = (change: (bundle: Bundle) => void): string => {
  const bundle = JSON.parse(text) as Bundle;
  change(bundle);
  return JSON.stringify(bundle);
};
function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  return bytes.toString('base64');
}

describe('readProvenance', () => {
  it('authenticates a genuine bundle, which here names no measurements', () => {
    expect(codeOf(text)).toBe('provenance/no-measurements');
  });

  it.each<readonly [string, () => string, string]>([
    ['another issuer', () => codeOf(text, { ...GITHUB, issuer: 'https://accounts.example' }), 'provenance/untrusted'],
    ['another identity', () => codeOf(text, { ...GITHUB, identity: 'https://github.com/acme/*' }), 'provenance/untrusted'],
    [
      'an identity that is only the beginning',
      () => codeOf(text, { ...GITHUB, identity: 'https://github.com/' }),
      'provenance/untrusted',
    ],
    [
      'a root that signed nothing of it',
      () =>
        codeOf(text, { ...GITHUB, trustedRoot: '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}' }),
      'provenance/untrusted',
    ],
    [
      'a changed payload',
      () =>
        codeOf(
          changed((bundle) => {
            bundle.dsseEnvelope.payload = flipped(bundle.dsseEnvelope.payload);
          }),
        ),
      'provenance/untrusted',
    ],
    [
      'a changed signature',
      () =>
        codeOf(
          changed((bundle) => {
            bundle.dsseEnvelope.signatures[0]!.sig = flipped(bundle.dsseEnvelope.signatures[0]!.sig);
          }),
        ),
      'provenance/untrusted',
    ],
    [
      'a changed log entry',
      () =>
        codeOf(
          changed((bundle) => {
            bundle.verificationMaterial.tlogEntries[0]!.canonicalizedBody = flipped(
              bundle.verificationMaterial.tlogEntries[0]!.canonicalizedBody,
            );
          }),
        ),
      'provenance/untrusted',
    ],
    [
      'no log entry',
      () =>
        codeOf(
          changed((bundle) => {
            bundle.verificationMaterial.tlogEntries = [];
          }),
        ),
      'provenance/untrusted',
    ],
    ['no bundle', () => codeOf('{"a":1}'), 'provenance/malformed'],
    ['no JSON', () => codeOf('bundle'), 'provenance/malformed'],
  ])('refuses %s', (_, act, code) => expect(act()).toBe(code));
});

describe('measurementsOf', () => {
  it.each([
    [{ HashAlgorithm: 'Sha384 { ... }', PCR0: 'aa', PCR1: 'bb' }, [{ type: 'nitro', values: { pcr0: ['aa'], pcr1: ['bb'] } }]],
    [
      { snp_measurement: 'aa', tdx_measurement: { rtmr1: 'bb', rtmr2: 'cc' } },
      [
        { type: 'sev-snp', values: { measurement: ['aa'] } },
        { type: 'tdx', values: { rtmr1: ['bb'], rtmr2: ['cc'] } },
      ],
    ],
    [
      { measurements: [{ type: 'sgx', signer: { value: 'aa', minimumVersion: 2 } }] },
      [{ type: 'sgx', signer: { value: 'aa', minimumVersion: 2 } }],
    ],
    [{ buildDefinition: {} }, []],
    [null, []],
  ])('%j', (predicate, rules) => expect(measurementsOf(predicate)).toEqual(rules));

  it('refuses values that are no hex', () => expect(() => measurementsOf({ PCR0: 'AA' })).toThrow(/lower-case hex/));
});

describe('assay policy from-provenance', () => {
  it('says what is missing, with an exit code', async () => {
    const io = transcript({ cwd: '/', now: 0 });
    expect(await run(['policy', 'from-provenance', file, '--identity', GITHUB.identity], io)).toBe(2);
    expect(io.err()).toContain('provenance/no-measurements');
    const other = transcript({ cwd: '/', now: 0 });
    expect(await run(['policy', 'from-provenance', file, '--identity', 'https://github.com/acme/*'], other)).toBe(3);
  });
});
