/** Nonces, firmware standings and times of tokens count wherever and however an issuer writes them. */

import { FAKE_NOW, type FakeTokenIssuer, fakeToken } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../model/policy.ts';
import type { VerificationResult } from '../../model/result.ts';
import { verify } from '../../verify.ts';
import { TOKEN_LEEWAY_SECONDS } from './signature.ts';

const NONCE = new Uint8Array(32).map((_, index) => 7 * index + 3);
const HEX = Buffer.from(NONCE).toString('hex');
const BASE64 = Buffer.from(NONCE).toString('base64');
const BASE64URL = Buffer.from(NONCE).toString('base64url');

interface Question {
  readonly nonce?: string;
  readonly policy?: Policy;
  readonly now?: number;
}

async function verified(issuer: FakeTokenIssuer, claims: object, question: Question = {}): Promise<VerificationResult> {
  const { file, keySet } = await fakeToken(issuer, claims);
  const { nonce, policy, now = FAKE_NOW } = question;
  return verify(file, {
    now,
    endorsements: [keySet],
    expected: { ...(nonce === undefined ? {} : { nonce }) },
    ...(policy === undefined ? {} : { policy }),
  });
}

const outcomeOf = ({ checks }: VerificationResult, id: string) => checks.find((check) => check.id === id)?.outcome;

describe('the nonce', () => {
  test.each<readonly [string, FakeTokenIssuer, object]>([
    ['NVIDIA, hex', 'nras', { eat_nonce: HEX }],
    ['NVIDIA, upper-case hex', 'nras', { eat_nonce: HEX.toUpperCase() }],
    ['Intel, signed nonce', 'intel', { verifier_nonce: { val: BASE64, iat: 'MjAyNg==', signature: 'AA==' } }],
    ['Intel, nested signed nonce', 'intel', { tdx: { verifier_nonce: { val: BASE64, iat: 'MjAyNg==' } } }],
    ['Intel, runtime data', 'intel', { tdx: { attester_runtime_data: { nonce: BASE64 } } }],
    ['Intel, runtime data as text', 'intel', { attester_runtime_data: HEX }],
    ['Intel, held data', 'intel', { attester_held_data: BASE64 }],
    ['Intel, one of a list', 'intel', { eat_nonce: ['another one', BASE64URL] }],
    ['Azure, client payload in base64', 'azure', { 'x-ms-runtime': { 'client-payload': { nonce: BASE64 } } }],
    ['Azure, client payload in base64url', 'azure', { 'x-ms-runtime': { 'client-payload': { nonce: BASE64URL } } }],
    ['Azure, client payload in hex', 'azure', { 'x-ms-runtime': { 'client-payload': { nonce: HEX } } }],
    ['Azure, base64 of hex', 'azure', { 'x-ms-runtime': { 'client-payload': { nonce: Buffer.from(HEX).toString('base64') } } }],
    ['Azure, runtime data of an enclave', 'azure', { 'x-ms-runtime': { nonce: HEX } }],
    ['Azure, 2020', 'azure', { rp_data: BASE64 }],
    ['Azure, at the top', 'azure', { nonce: BASE64 }],
    ['Azure, inside the isolation TEE', 'azure', { 'x-ms-isolation-tee': { 'x-ms-runtime': { 'user-data': HEX } } }],
    ['Google, hex text', 'google', { eat_nonce: HEX }],
    ['Google, one of several', 'google', { eat_nonce: ['tls-key-hash', HEX] }],
    ['Veraison, base64url', 'ear', { eat_nonce: BASE64URL }],
    [
      'Trustee, runtime data',
      'ear',
      {
        submods: {
          cpu0: { 'ear.status': 'affirming', 'ear.veraison.annotated-evidence': { runtime_data_claims: { nonce: BASE64 } } },
        },
      },
    ],
    ['report data', 'intel', { tdx: { tdx_report_data: `${HEX}${'00'.repeat(32)}` } }],
    [
      'report data beside the issuer’s own nonce',
      'intel',
      { verifier_nonce: { val: 'AAAA' }, tdx: { tdx_report_data: `${HEX}${'00'.repeat(32)}` } },
    ],
  ])('is found: %s', async (_, issuer, claims) => {
    expect(outcomeOf(await verified(issuer, claims, { nonce: HEX }), 'policy.nonce')).toBe('pass');
    const other = HEX.replace(/^../, '00');
    expect(outcomeOf(await verified(issuer, claims, { nonce: other }), 'policy.nonce')).toBe('fail');
  });

  test('as plain text is its UTF-8', async () => {
    const nonce = Buffer.from('a text of mine').toString('hex');
    expect(outcomeOf(await verified('google', { eat_nonce: 'a text of mine' }, { nonce }), 'policy.nonce')).toBe('pass');
  });

  test.each<readonly [string, object]>([
    ['a GPU beside the CPU', { nvgpu: { eat_nonce: HEX } }],
    ['nothing', {}],
    ['a name that is no nonce', { tdx: { tdx_mrtd: HEX } }],
  ])('is not taken from %s', async (_, claims) => {
    expect(outcomeOf(await verified('intel', claims, { nonce: HEX }), 'policy.nonce')).toBe('fail');
  });

  test('of one caller never matches that of another', async () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 32 });
    const written = fc.constantFrom<BufferEncoding>('hex', 'base64', 'base64url');
    await fc.assert(
      fc.asyncProperty(bytes, bytes, written, async (mine, theirs, encoding) => {
        fc.pre(Buffer.compare(mine, theirs) !== 0);
        const result = await verified(
          'google',
          { eat_nonce: Buffer.from(theirs).toString(encoding) },
          { nonce: Buffer.from(mine).toString('hex') },
        );
        expect(outcomeOf(result, 'policy.nonce')).toBe('fail');
      }),
      { numRuns: 40 },
    );
  });
});

describe('the firmware standing', () => {
  test.each<readonly [string, FakeTokenIssuer, object, string, string | null]>([
    [
      'Intel, nested',
      'intel',
      { tdx: { attester_tcb_status: 'UpToDate', attester_tcb_date: '2026-02-11T00:00:00Z' } },
      'UpToDate',
      '2026-02-11T00:00:00Z',
    ],
    [
      'Intel, a date without time',
      'intel',
      { sgx: { attester_tcb_status: 'UpToDate', attester_tcb_date: '2026-02-11' } },
      'UpToDate',
      '2026-02-11T00:00:00Z',
    ],
    [
      'Intel, an offset',
      'intel',
      { attester_tcb_status: 'UpToDate', attester_tcb_date: '2026-02-11T02:00:00+02:00' },
      'UpToDate',
      '2026-02-11T00:00:00Z',
    ],
    ['Intel, first generation', 'intel', { amber_tcb_status: 'SW_HARDENING_NEEDED' }, 'SWHardeningNeeded', null],
    [
      'Azure',
      'azure',
      { attester_tcb_status: 'OutOfDate', attester_tcb_date: '2024-03-13T00:00:00.5Z' },
      'OutOfDate',
      '2024-03-13T00:00:00Z',
    ],
    [
      'Google',
      'google',
      { tdx: { gcp_attester_tcb_status: 'UpToDate', gcp_attester_tcb_date: '2024-03-13T00:00:00Z' } },
      'UpToDate',
      '2024-03-13T00:00:00Z',
    ],
    [
      'of two platforms',
      'intel',
      {
        tdx: { attester_tcb_status: 'UpToDate', attester_tcb_date: '2026-02-11' },
        sgx: { attester_tcb_status: 'OutOfDate', attester_tcb_date: '2023-02-11' },
      },
      'OutOfDate',
      '2023-02-11T00:00:00Z',
    ],
    [
      'in the words of the quote library',
      'intel',
      { attester_tcb_status: 'SGX_QL_QV_RESULT_OUT_OF_DATE_CONFIG_NEEDED' },
      'OutOfDateConfigurationNeeded',
      null,
    ],
    ['in unknown words', 'intel', { attester_tcb_status: 'Lilac' }, 'Lilac', null],
    [
      'seconds since 1970',
      'intel',
      { attester_tcb_status: 'UpToDate', attester_tcb_date: 1_700_000_000 },
      'UpToDate',
      '2023-11-14T22:13:20Z',
    ],
  ])('is read: %s', async (_, issuer, claims, status, date) => {
    expect((await verified(issuer, claims)).tcb).toMatchObject({ status, date });
  });

  test('meets or misses a floor by its date, advisories and evaluation number', async () => {
    const floor = (more: object): Policy => ({ version: 1, tcb: { statuses: ['UpToDate'], ...more } });
    const claims = {
      tdx: {
        attester_tcb_status: 'UpToDate',
        attester_tcb_date: '2024-05-01',
        attester_advisory_ids: ['INTEL-SA-00001'],
        tdx_collateral: { tcbevaluationdatanumber: 17 },
      },
    };
    const asked = async (more: object) => (await verified('intel', claims, { policy: floor(more) })).outcome;
    expect(await asked({ minimumDate: '2024-05-01T00:00:00Z' })).toBe('accepted');
    expect(await asked({ minimumDate: '2024-05-02T00:00:00Z' })).toBe('refused');
    expect(await asked({ minimumEvaluationNumber: 17 })).toBe('accepted');
    expect(await asked({ minimumEvaluationNumber: 18 })).toBe('refused');
    expect(await asked({ advisories: [] })).toBe('refused');
  });

  test('a date that is none meets no floor', async () => {
    const policy: Policy = { version: 1, tcb: { statuses: ['UpToDate'], minimumDate: '2000-01-01T00:00:00Z' } };
    const claims = { tdx: { attester_tcb_status: 'UpToDate', attester_tcb_date: 'soon' }, attester_tcb_date: '2026-01-01' };
    expect((await verified('intel', claims, { policy })).outcome).toBe('refused');
  });

  test('revoked is refused whatever the policy asks', async () => {
    expect((await verified('intel', { attester_tcb_status: 'Revoked' }, { policy: { version: 1 } })).outcome).toBe('refused');
  });
});

describe('the clock', () => {
  const seconds = FAKE_NOW / 1000;
  test.each<readonly [string, object, string]>([
    ['a beginning within the leeway', { nbf: seconds + TOKEN_LEEWAY_SECONDS }, 'accepted'],
    ['an issue within the leeway', { iat: seconds + 4, nbf: seconds + 4 }, 'accepted'],
    ['a beginning beyond it', { nbf: seconds + TOKEN_LEEWAY_SECONDS + 1 }, 'not-authentic'],
    ['an issue beyond it', { iat: seconds + TOKEN_LEEWAY_SECONDS + 1 }, 'not-authentic'],
    ['no leeway for the end', { exp: seconds }, 'not-authentic'],
  ])('%s', async (_, claims, outcome) => {
    expect((await verified('azure', claims)).outcome).toBe(outcome);
  });

  test('says how far ahead a token is', async () => {
    const { checks } = await verified('azure', { nbf: seconds + 4, iat: seconds + 4 });
    expect(checks.find(({ id }) => id === 'token.not-before')).toMatchObject({
      outcome: 'pass',
      actual: '4 s ahead',
      expected: 'at most 60 s ahead of the time asked about',
    });
  });
});
