/** Azure's confidential VMs under fake roots: hardware, runtime data and vTPM quote, then one missing or foreign link each. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { certificatesOf, expectCode, FAKE_NOW, fakeDcap, fakeKey, fakeSnp, fakeTpmQuote } from '@assay/testing';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { azureSnpEvidenceOf, azureTdxEvidenceOf } from '../../evidence/azure/vtpm-evidence.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { verify } from '../../verify.ts';
import { azureSnpVerifier, azureTdxVerifier } from './azure.ts';

const ak = await fakeKey('RSA', 'azure ak');
const akJwk = await crypto.subtle
  .importKey('spki', Uint8Array.from(ak.spki), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify'])
  .then((key) => crypto.subtle.exportKey('jwk', key));
const keySet = (...kids: readonly string[]): Uint8Array =>
  utf8(JSON.stringify({ keys: kids.map((kid) => ({ kid, kty: 'RSA', n: akJwk.n, e: akJwk.e })) }));
const runtime = keySet('HCLAkPub');
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const text = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** The quote as CoCo writes it: bare RSA signature, one bank as a list. */
async function vtpmQuote(signer = ak) {
  const { document } = await fakeTpmQuote({ signer, bare: true });
  const pcrs = Array.from({ length: 24 }, (_, index) => new Uint8Array(32).fill(index + 1));
  return {
    message: new Uint8Array(Buffer.from(document.message, 'base64')),
    signature: new Uint8Array(Buffer.from(document.signature, 'hex')).subarray(6),
    pcrs,
  };
}

type Quote = Awaited<ReturnType<typeof vtpmQuote>>;
const quoteInHex = ({ message, signature, pcrs }: Quote) => ({
  message: hex(message),
  signature: hex(signature),
  pcrs: pcrs.map(hex),
});
const quoteInLists = ({ message, signature, pcrs }: Quote) => ({
  message: [...message],
  signature: [...signature],
  pcrs: pcrs.map((pcr) => [...pcr]),
});

function hcl(report: Uint8Array, type: number, data: Uint8Array): Uint8Array {
  const words = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const room = concatBytes(report, new Uint8Array(1184 - report.length));
  return concatBytes(words(0x414c4348, 2, 0, 2, 0, 0, 0, 0), room, words(data.length + 20, 1, type, 1, data.length), data);
}

async function snpVm(data = runtime) {
  const fake = await fakeSnp({ edit: (report) => report.set(concatBytes(sha256(data), new Uint8Array(32)), 0x50) });
  const options: VerifyOptions = { now: FAKE_NOW, endorsements: certificatesOf(fake.chain), trust: { roots: [fake.anchor] } };
  return { fake, options, report: hcl(fake.report, 2, data) };
}

async function tdxVm(data = runtime) {
  const fake = await fakeDcap({ body: (body) => body.fill(0, 520).set(sha256(data), 520) });
  const { endorsements, anchors, now } = fake;
  return {
    fake,
    options: { now, endorsements, trust: { roots: anchors } } satisfies VerifyOptions,
    report: hcl(new Uint8Array(1024), 4, data),
  };
}

async function verifySnpFile(file: Uint8Array, options: VerifyOptions) {
  const evidence = azureSnpVerifier.recognise(file);
  if (evidence === null) throw new Error('expected azure snp evidence');
  return azureSnpVerifier.verify(evidence, options);
}

async function verifyTdxFile(file: Uint8Array, options: VerifyOptions) {
  const evidence = azureTdxVerifier.recognise(file);
  if (evidence === null) throw new Error('expected azure tdx evidence');
  return azureTdxVerifier.verify(evidence, options);
}

describe('an snp vm', () => {
  test.each<[string, (report: Uint8Array, quote: Quote, vcek: Uint8Array) => object]>([
    [
      'version 2',
      (report, quote, vcek) => ({
        version: 2,
        tpm_quote: quoteInHex(quote),
        hcl_report: base64url(report),
        vcek: base64url(vcek),
      }),
    ],
    ['version 0', (report, quote) => ({ quote: quoteInLists(quote), report: [...report] })],
  ])('in %s proves report, runtime data and quote', async (_, shape) => {
    const { fake, options, report } = await snpVm();
    const file = text(shape(report, await vtpmQuote(), fake.key));
    const claims = await verifySnpFile(file, options);
    expect(claims).toMatchObject({ type: 'sev-snp', simulated: true, bindings: { nonce: '4e'.repeat(32) } });
    expect(claims.submodules.vtpm).toMatchObject({
      type: 'tpm',
      simulated: true,
      root: claims.root,
      measurements: { pcr7: '08'.repeat(32) },
    });
    expect(claims.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect((await verify(file, options)).type).toBe('sev-snp');
  });

  test.each<[string, string, () => Promise<[Awaited<ReturnType<typeof snpVm>>, Quote]>]>([
    [
      'a quote by another key',
      'tpm/signature-invalid',
      async () => [await snpVm(), await vtpmQuote(await fakeKey('RSA', 'another ak'))],
    ],
    [
      'a changed PCR',
      'tpm/pcr-digest-mismatch',
      async () => {
        const quote = await vtpmQuote();
        return [await snpVm(), { ...quote, pcrs: quote.pcrs.with(4, new Uint8Array(32)) }];
      },
    ],
    ['no attestation key', 'tpm/key-unbound', async () => [await snpVm(keySet('HCLEkPub')), await vtpmQuote()]],
    ['two attestation keys', 'tpm/key-unbound', async () => [await snpVm(keySet('HCLAkPub', 'HCLAkPub')), await vtpmQuote()]],
    ['runtime data that is no JSON', 'tpm/malformed', async () => [await snpVm(utf8('{')), await vtpmQuote()]],
    [
      'runtime data of another machine',
      'snp/runtime-data-unbound',
      async () => [
        { ...(await snpVm(keySet('HCLEkPub'))), report: hcl((await fakeSnp()).report, 2, runtime) },
        await vtpmQuote(),
      ],
    ],
  ])('with %s is refused', async (_, code, make) => {
    const [vm, quote] = await make();
    await expectCode(
      async () => verifySnpFile(text({ tpm_quote: quoteInHex(quote), hcl_report: base64url(vm.report) }), vm.options),
      code,
    );
  });
});

describe('a tdx vm', () => {
  test('proves quote, runtime data and vtpm quote', async () => {
    const { fake, options, report } = await tdxVm();
    const quote = await vtpmQuote();
    for (const file of [
      { tpm_quote: quoteInHex(quote), hcl_report: base64url(report), td_quote: base64url(fake.quote) },
      { tpm_quote: quoteInLists(quote), hcl_report: [...report], td_quote: [...fake.quote] },
    ]) {
      const claims = await verifyTdxFile(text(file), options);
      expect(claims).toMatchObject({
        type: 'tdx',
        bindings: { nonce: '4e'.repeat(32) },
        submodules: { vtpm: { type: 'tpm' } },
      });
      expect(claims.checks).toContainEqual(expect.objectContaining({ id: 'tdx.runtime-data', outcome: 'pass' }));
    }
  });

  test('with a vtpm quote by another key is refused', async () => {
    const { fake, options, report } = await tdxVm();
    const tpm_quote = quoteInHex(await vtpmQuote(await fakeKey('RSA', 'another ak')));
    const file = text({ tpm_quote, hcl_report: base64url(report), td_quote: base64url(fake.quote) });
    await expectCode(verifyTdxFile(file, options), 'tpm/signature-invalid');
  });

  test('with runtime data of another machine is refused', async () => {
    const { fake, options } = await tdxVm(keySet('HCLEkPub'));
    const other = hcl(new Uint8Array(1024), 4, runtime);
    const file = text({
      tpm_quote: quoteInHex(await vtpmQuote()),
      hcl_report: base64url(other),
      td_quote: base64url(fake.quote),
    });
    await expectCode(verifyTdxFile(file, options), 'dcap/runtime-data-unbound');
  });

  test('of which only the hcl report is there needs its quote', async () => {
    const { fake, options, report } = await tdxVm();
    await expectCode(verifyTdxFile(report, options), 'dcap/quote-missing');
    const beside: VerifyOptions = {
      ...options,
      endorsements: [...options.endorsements, { kind: 'bytes', name: null, bytes: fake.quote }],
    };
    const claims = await verifyTdxFile(utf8(hex(report)), beside);
    expect(claims).toMatchObject({ type: 'tdx', submodules: {} });
  });

  test('with a broken quote is malformed', async () => {
    const { report } = await tdxVm();
    const tpm_quote = quoteInHex(await vtpmQuote());
    for (const td_quote of ['AAAA', 7]) {
      await expectCode(
        () => azureTdxEvidenceOf(text({ tpm_quote, hcl_report: base64url(report), td_quote })),
        'dcap/quote-malformed',
      );
    }
  });
});

test('hostile bytes give coded errors only', async () => {
  const [snp, tdx] = [await snpVm(), await tdxVm()];
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      fc.constantFrom(snp.report, tdx.report),
      fc.nat(1400),
      (tpm_quote, td_quote, report, cut) => {
        for (const read of [azureSnpEvidenceOf, azureTdxEvidenceOf]) {
          try {
            read(text({ tpm_quote, td_quote, hcl_report: base64url(report.subarray(0, cut)) }));
          } catch (error) {
            if (!AttestationError.is(error)) throw error;
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});
