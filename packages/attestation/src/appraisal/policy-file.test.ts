/** The policy file, version 1 (spec/policy.md): every defect is refused by name, and the published schema agrees with the parser. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AttestationError } from '../errors.ts';
import { EVIDENCE_TYPES } from '../model/claims.ts';
import { explainPolicy } from './explain.ts';
import { parsePolicy } from './policy-file.ts';
import { DEFAULT_POLICY, POLICY_PRESETS } from './presets.ts';
import { SIGNER_SLOTS } from './signer-slots.ts';

const FULL = {
  version: 1,
  name: 'production',
  description: 'all of it',
  types: ['tdx', 'nvidia-gpu'],
  roots: ['ab'.repeat(32)],
  simulatedRoots: [],
  simulated: 'refuse',
  debug: 'refuse',
  hostRequested: 'refuse',
  parts: { tdx: 1, 'nvidia-gpu': 8 },
  measurements: [
    { name: 'v1', type: 'tdx', presence: 'optional', values: { mrtd: ['aa', 'bb'], rtmr3: ['cc'] } },
    { type: 'sgx', signer: { value: 'aa', product: 1, minimumVersion: 2 } },
  ],
  tcb: {
    statuses: ['UpToDate'],
    grace: [{ id: 'OutOfDate', until: '2027-01-01T00:00:00Z' }],
    advisories: [],
    minimumEvaluationNumber: 18,
    minimumDate: '2025-01-01T00:00:00Z',
  },
  freshness: { maxAgeSeconds: 60, skewSeconds: 5, required: true },
  nonce: 'required',
  bindings: { reportData: ['00'], userData: ['01'], publicKey: ['02'] },
  gpu: { minimumCount: 8, architectures: ['HOPPER'], referenceManifests: 'required' },
  refusedProducts: ['Milan'],
  identity: { ppid: ['00'] },
  tokenIssuers: ['https://nras.attestation.nvidia.com'],
  requiredChecks: ['tdx.pck-crl'],
  claims: [{ path: 'details.vmpl', type: 'sev-snp', equals: 0 }],
} as const;

const broken: readonly (readonly [string, unknown, string])[] = [
  ['no version', { debug: 'refuse' }, 'version'],
  ['another version', { version: 2 }, 'version'],
  ['a misspelt member', { version: 1, measurement: [] }, 'measurement'],
  ['an array', [], 'policy'],
  ['an unknown type', { version: 1, types: ['trustzone'] }, 'types[0]'],
  ['a short root', { version: 1, roots: ['abcd'] }, 'roots[0]'],
  ['debug by boolean', { version: 1, debug: true }, 'debug'],
  ['upper-case hex', { version: 1, measurements: [{ values: { mrtd: 'AA' } }] }, 'measurements[0].values.mrtd'],
  ['an empty rule', { version: 1, measurements: [{ values: {} }] }, 'measurements[0].values'],
  ['no value at all', { version: 1, measurements: [{ values: { mrtd: [] } }] }, 'measurements[0].values.mrtd'],
  [
    'values and signer',
    { version: 1, measurements: [{ type: 'sgx', values: { a: 'aa' }, signer: { value: 'aa' } }] },
    'measurements[0]',
  ],
  ['a signer without a type', { version: 1, measurements: [{ signer: { value: 'aa' } }] }, 'measurements[0].type'],
  ['a signer for tokens', { version: 1, measurements: [{ type: 'token', signer: { value: 'aa' } }] }, 'measurements[0].type'],
  [
    'a version where there is none',
    { version: 1, measurements: [{ type: 'nitro', signer: { value: 'aa', minimumVersion: 1 } }] },
    'measurements[0].signer.minimumVersion',
  ],
  ['no statuses', { version: 1, tcb: { statuses: [] } }, 'tcb.statuses'],
  ['grace without an end', { version: 1, tcb: { statuses: ['UpToDate'], grace: [{ id: 'OutOfDate' }] } }, 'tcb.grace[0].until'],
  [
    'a day that does not exist',
    { version: 1, tcb: { statuses: ['UpToDate'], minimumDate: '2025-02-30T00:00:00Z' } },
    'tcb.minimumDate',
  ],
  ['a negative age', { version: 1, freshness: { maxAgeSeconds: -1 } }, 'freshness.maxAgeSeconds'],
  [
    'a presence that is none',
    { version: 1, measurements: [{ values: { a: 'aa' }, presence: 'maybe' }] },
    'measurements[0].presence',
  ],
  ['parts of an unknown type', { version: 1, parts: { trustzone: 1 } }, 'parts.trustzone'],
  ['half a part', { version: 1, parts: { tpm: 0.5 } }, 'parts.tpm'],
  ['roots that are no list', { version: 1, roots: 'ab' }, 'roots'],
  ['identities that are text', { version: 1, identity: 'ab' }, 'identity'],
  ['identities that are a list', { version: 1, identity: ['ab'] }, 'identity'],
  ['a requirement that is text', { version: 1, freshness: { maxAgeSeconds: 1, required: 'yes' } }, 'freshness.required'],
  ['two comparisons', { version: 1, claims: [{ path: 'x', equals: 1, atLeast: 0 }] }, 'claims[0]'],
  ['an unknown inner member', { version: 1, gpu: { count: 1 } }, 'gpu.count'],
];

describe('parsePolicy', () => {
  it('reads every member', () => expect(parsePolicy(JSON.stringify(FULL))).toEqual(FULL));

  it('reads back every preset', () => {
    for (const preset of [DEFAULT_POLICY, ...Object.values(POLICY_PRESETS)])
      expect(parsePolicy(JSON.stringify(preset))).toEqual(preset);
  });

  it('takes a single value for a list of one', () => {
    expect(parsePolicy('{"version":1,"measurements":[{"values":{"pcr0":"aa"}}]}').measurements).toEqual([
      { values: { pcr0: ['aa'] } },
    ]);
  });

  it.each(broken)('refuses %s', (_, policy, where) => {
    let caught: unknown;
    try {
      parsePolicy(JSON.stringify(policy));
    } catch (error) {
      caught = error;
    }
    expect(AttestationError.is(caught) && caught.code).toBe('policy/malformed');
    expect((caught as AttestationError).details.where).toBe(where);
  });

  it('refuses duplicate names and text that is no JSON', () => {
    for (const text of ['{"version":1,"version":1}', 'version: 1', '']) expect(() => parsePolicy(text)).toThrow(/policy/);
  });
});

describe('spec/policy.schema.json', () => {
  const schema = JSON.parse(readFileSync(new URL('../../../../spec/policy.schema.json', import.meta.url), 'utf8'));

  it('names every type, and those with a signer', () => {
    expect(schema.$defs.type.enum).toEqual(EVIDENCE_TYPES);
    expect(schema.properties.measurements.items.anyOf[1].properties.type.enum.toSorted()).toEqual(
      Object.keys(SIGNER_SLOTS).toSorted(),
    );
  });

  it('names exactly the members the parser takes', () => {
    expect(
      Object.keys(schema.properties)
        .filter((name) => name !== '$schema')
        .sort(),
    ).toEqual(Object.keys(FULL).sort());
    expect(schema.additionalProperties).toBe(false);
    for (const member of ['tcb', 'freshness', 'bindings', 'gpu'] as const) {
      expect(Object.keys(schema.properties[member].properties).sort()).toEqual(Object.keys(FULL[member]).sort());
      expect(schema.properties[member].additionalProperties).toBe(false);
    }
  });
});

describe('explainPolicy', () => {
  it('says what a policy leaves open', () => {
    expect(explainPolicy({ version: 1 }).at(-1)).toBe(
      'Leaves open: the kind of evidence, which of the pinned roots signed, measurements, firmware standing, age, bound keys beyond those the caller expects.',
    );
  });

  it('has a sentence for every member', () => {
    const text = explainPolicy(parsePolicy(JSON.stringify(FULL))).join('\n');
    for (const part of [
      'Intel TDX quote',
      'abab',
      'mrtd = aa or bb',
      'optional "v1"',
      'the host asked for',
      'at least 8 verified parts of type NVIDIA GPU',
      'product 1, version 2 or later',
      'OutOfDate until 2027',
      'no open advisory',
      'evaluation 18',
      '2025-01-01',
      '60 s',
      'nonce',
      'reportData 00',
      '8 genuine GPUs of HOPPER',
      'Milan',
      'ppid 00',
      'nras',
      'tdx.pck-crl',
      'details.vmpl of sev-snp',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('Leaves open');
  });
});
