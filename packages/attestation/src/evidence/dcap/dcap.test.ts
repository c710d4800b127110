/** Quote files, TCB info and enclave identities, one defect each (Intel PCS API v4; DCAP quote format, appendix A). */

import { encodeBase64, encodeBase64Url } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode, fakeDcap, fakeSgxExtension, type LooseJson } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { parseEnclaveIdentity } from './enclave-identity.ts';
import { parsePckExtensions } from './pck-extensions.ts';
import { parseQuote } from './quote.ts';
import { quoteBytes } from './quote-file.ts';
import { parseTcbInfo } from './tcb-info.ts';

const { quote, endorsements } = await fakeDcap({ version: 5, tdReport: '1.5' });
const bodies = new Map(endorsements.flatMap((piece) => ('body' in piece ? [[piece.kind, piece.body] as const] : [])));
const document = (kind: 'tcb-info' | 'enclave-identity'): LooseJson => JSON.parse(new TextDecoder().decode(bodies.get(kind)));
const spoilt = (kind: 'tcb-info' | 'enclave-identity', spoil: (json: LooseJson) => unknown): Uint8Array => {
  const json = document(kind);
  spoil(json);
  return utf8(JSON.stringify(json));
};

describe('a quote file', () => {
  const hex = encodeHex(quote);
  const base64 = encodeBase64(quote);
  test.each([
    ['hex', hex],
    ['hex with 0x', `0x${hex}`],
    ['hex in upper case', hex.toUpperCase()],
    ['hex in lines', hex.replace(/(.{32})/g, '$1\r\n')],
    ['base64', base64],
    ['base64 in lines', base64.replace(/(.{76})/g, '$1\n')],
    ['base64url', encodeBase64Url(quote)],
    ['base64 amid white space', `\n  ${base64}\n`],
  ])('in %s is the same quote', (_, text) => {
    expect(quoteBytes(utf8(text))).toEqual(quote);
  });

  test('binary is taken as it is, without a copy', () => expect(quoteBytes(quote)).toBe(quote));

  test.each([
    ['nothing', new Uint8Array()],
    ['half a header', quote.subarray(0, 47)],
    ['text', utf8('hello')],
    ['JSON', utf8('{"quote":"0400"}')],
    ['hex of something else', utf8('00'.repeat(4000))],
    ['zeros', new Uint8Array(5000)],
    ['a huge text', new Uint8Array(2 << 20).fill(0x30)],
  ])('%s is something else', (_, file) => expect(quoteBytes(file)).toBeNull());

  test.each([
    ['hex with a stray character', `${hex.slice(0, -4)}zzzz`],
    ['half a hex digit pair', hex.slice(0, -1)],
    ['base64 with a stray character', `${base64.slice(0, -4)}****`],
  ])('%s is malformed', async (_, text) => {
    await expectCode(() => quoteBytes(utf8(text)), 'dcap/quote-malformed');
  });

  test('parsing keeps views: fields lie in the buffer that was given', () => {
    const parsed = parseQuote(quote);
    for (const field of [
      parsed.signed,
      parsed.signature,
      parsed.attestationKey,
      parsed.qeReport.raw,
      parsed.certification.data,
    ]) {
      expect(field.buffer).toBe(quote.buffer);
    }
  });

  test('any bytes parse or throw a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(3000), fc.nat(255), (bytes, position, value) => {
        const mutated = quote.slice(0, Math.max(48, quote.length - (position % 200)));
        mutated[position % mutated.length] = value;
        for (const input of [bytes, mutated]) {
          try {
            const found = quoteBytes(input);
            if (found !== null) parseQuote(found);
          } catch (error) {
            if (!AttestationError.is(error) || !['malformed', 'unavailable'].includes(error.kind)) throw error;
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('TCB info', () => {
  test('is read whole', () => {
    const info = parseTcbInfo(bodies.get('tcb-info') as Uint8Array);
    expect(info).toMatchObject({ tee: 'tdx', version: 3, evaluationNumber: 18 });
    expect(info.levels.map(({ status }) => status)).toEqual(['UpToDate', 'OutOfDate']);
    expect(info.tdxModuleIdentities.map(({ id }) => id)).toEqual(['TDX_03']);
  });

  test.each<[string, (info: LooseJson) => unknown]>([
    ['version 1', (info) => Object.assign(info, { version: 1 })],
    ['version 4', (info) => Object.assign(info, { version: 4 })],
    ['no version', (info) => delete info.version],
    ['another id', (info) => Object.assign(info, { id: 'CCA' })],
    ['version 3 without id', (info) => delete info.id],
    ['another tcbType', (info) => Object.assign(info, { tcbType: 1 })],
    ['no levels', (info) => Object.assign(info, { tcbLevels: [] })],
    ['levels that are no list', (info) => Object.assign(info, { tcbLevels: {} })],
    ['too many levels', (info) => Object.assign(info, { tcbLevels: new Array(2000).fill(info.tcbLevels[0]) })],
    ['an unknown status', (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'Fine' })],
    [
      'a status of a TDX module that platforms have',
      (info) => Object.assign(info.tdxModuleIdentities[0].tcbLevels[0], { tcbStatus: 'SWHardeningNeeded' }),
    ],
    ['an SVN above 255', (info) => Object.assign(info.tcbLevels[0].tcb.sgxtcbcomponents[3], { svn: 256 })],
    ['a negative SVN', (info) => Object.assign(info.tcbLevels[0].tcb.sgxtcbcomponents[3], { svn: -1 })],
    ['an SVN in text', (info) => Object.assign(info.tcbLevels[0].tcb.sgxtcbcomponents[3], { svn: '5' })],
    ['a fraction of an SVN', (info) => Object.assign(info.tcbLevels[0].tcb, { pcesvn: 1.5 })],
    ['no TDX components', (info) => delete info.tcbLevels[0].tcb.tdxtcbcomponents],
    ['no tdxModule', (info) => delete info.tdxModule],
    ['a short FMSPC', (info) => Object.assign(info, { fmspc: '90c06f0000' })],
    ['an FMSPC that is no hex', (info) => Object.assign(info, { fmspc: '90c06f00000g' })],
    ['a date without a zone', (info) => Object.assign(info, { issueDate: '2026-06-14T12:00:00' })],
    ['a date of no calendar', (info) => Object.assign(info, { nextUpdate: '2026-13-40T12:00:00Z' })],
    ['a day after the last of its month', (info) => Object.assign(info, { nextUpdate: '2027-02-29T12:00:00Z' })],
    ['hour 24', (info) => Object.assign(info, { nextUpdate: '2027-02-28T24:00:00Z' })],
    ['advisories that are no strings', (info) => Object.assign(info.tcbLevels[1], { advisoryIDs: [1] })],
    ['a negative evaluation number', (info) => Object.assign(info, { tcbEvaluationDataNumber: -1 })],
  ])('with %s is malformed', async (_, spoil) => {
    await expectCode(() => parseTcbInfo(spoilt('tcb-info', spoil)), 'dcap/tcb-info-malformed');
  });

  test.each([
    ['a list', '[]'],
    ['a number', '1'],
    ['null', 'null'],
    ['cut short', '{"version":3'],
    ['no UTF-8', '\ud800'],
  ])('%s is malformed', async (_, text) => {
    await expectCode(() => parseTcbInfo(utf8(text)), 'dcap/tcb-info-malformed');
  });

  test('ignores members of its prototype', async () => {
    await expectCode(() => parseTcbInfo(utf8('{"__proto__":{"version":3}}')), 'dcap/tcb-info-malformed');
  });
});

describe('an enclave identity', () => {
  test.each<[string, (identity: LooseJson) => unknown]>([
    ['version 1', (identity) => Object.assign(identity, { version: 1 })],
    ['an unknown id', (identity) => Object.assign(identity, { id: 'ME' })],
    ['a short MRSIGNER', (identity) => Object.assign(identity, { mrsigner: 'dc' })],
    ['no mask', (identity) => delete identity.attributesMask],
    ['an ISVPRODID above 65535', (identity) => Object.assign(identity, { isvprodid: 65536 })],
    ['no levels', (identity) => Object.assign(identity, { tcbLevels: [] })],
    ['an unknown status', (identity) => Object.assign(identity.tcbLevels[0], { tcbStatus: 'ConfigurationNeeded' })],
    ['a level without its version', (identity) => Object.assign(identity.tcbLevels[0], { tcb: {} })],
  ])('with %s is malformed', async (_, spoil) => {
    await expectCode(() => parseEnclaveIdentity(spoilt('enclave-identity', spoil)), 'dcap/qe-identity-malformed');
  });

  test('MISCSELECT is little endian, as in the report', () => {
    const identity = parseEnclaveIdentity(
      spoilt('enclave-identity', (json) => Object.assign(json, { miscselect: '01000000' })),
    );
    expect(identity.miscSelect).toBe(1);
  });
});

describe('the SGX extension', () => {
  test('is read whole', () => {
    expect(parsePckExtensions(fakeSgxExtension())).toMatchObject({
      pceSvn: 13,
      sgxType: 'scalable',
      configuration: { dynamicPlatform: true, cachedKeys: false, smtEnabled: true },
    });
  });

  test('any one-bit flip parses or throws its code', async () => {
    const whole = fakeSgxExtension();
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const flipped = whole.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        parsePckExtensions(flipped);
      } catch (error) {
        if (!AttestationError.is(error) || error.code !== 'dcap/pck-extensions-malformed') throw error;
      }
    }
  });
});
