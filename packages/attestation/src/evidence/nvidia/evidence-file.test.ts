/** NVIDIA files: whatever the bytes, an answer or a coded error, at once. */

import { utf8 } from '@assay/encoding/bytes';
import { fakeDevice, fakeManifest } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { nvidiaEvidenceOf } from './evidence-file.ts';
import { featureMode, OPAQUE, opaqueText, parseOpaque, vbiosVersion } from './opaque.ts';
import { looksLikeRim, parseRim } from './rim.ts';
import { parseSpdm } from './spdm.ts';
import { parseXml } from './xml.ts';

/** Runs a parser; anything but a result or a coded error fails the test. */
function survives(parse: (bytes: Uint8Array) => unknown): (bytes: Uint8Array) => void {
  return (bytes) => {
    try {
      parse(bytes);
    } catch (error) {
      if (!AttestationError.is(error)) throw error;
      expect(['malformed', 'unavailable']).toContain(error.kind);
    }
  };
}

/** Texts made of what XML is made of. */
const xmlish = fc
  .array(
    fc.constantFrom(
      '<a>',
      '</a>',
      '<a/>',
      '<',
      '>',
      '&amp;',
      '&#x41;',
      '&',
      '"',
      ' b="1"',
      ' xmlns="u:1"',
      ' xmlns:p="u"',
      '<p:a>',
      '<!--',
      ']]>',
      'x',
      '\r\n',
    ),
    { maxLength: 60 },
  )
  .map((parts) => utf8(parts.join('')));

describe('any bytes are an answer or a coded error', () => {
  test('as evidence, measurements, opaque data and xml', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), survives(nvidiaEvidenceOf)), { numRuns: 3000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), survives(parseSpdm)), { numRuns: 3000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), survives(parseOpaque)), { numRuns: 3000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), survives(parseRim)), { numRuns: 1000 });
    fc.assert(fc.property(xmlish, survives(parseXml)), { numRuns: 5000 });
  });

  test('as json of any shape', () => {
    fc.assert(
      fc.property(fc.json(), (text) => survives(nvidiaEvidenceOf)(utf8(text))),
      { numRuns: 2000 },
    );
    const entry = fc.record({
      evidence: fc.jsonValue(),
      certificate: fc.jsonValue(),
      arch: fc.jsonValue(),
      nonce: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), (list) =>
        survives(nvidiaEvidenceOf)(utf8(JSON.stringify(list))),
      ),
      {
        numRuns: 2000,
      },
    );
  });

  test('when a sound exchange or manifest is changed anywhere', async () => {
    const { spdm } = await fakeDevice();
    const { xml } = await fakeManifest();
    for (const [file, parse] of [[spdm, nvidiaEvidenceOf] as const, [xml, parseRim] as const]) {
      const edits = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 6 });
      fc.assert(
        fc.property(edits, fc.nat(file.length), (changes, length) => {
          const copy = file.slice(0, length);
          for (const [at, value] of changes) if (at < length) copy[at] = value;
          survives(parse)(copy);
        }),
        { numRuns: 1500 },
      );
    }
  });
});

describe('opaque data', () => {
  const field = (type: number, value: Uint8Array) => new Map([[type, value]]);

  test.each([
    ['00 74 00 96 1a 00 00 00', '96.00.74.00.1A'],
    ['00 5e 00 96 01 00 00 00', '96.00.5E.00.01'],
    ['00 e4 00 97 11 00 00 00', '97.00.E4.00.11'],
  ])('vbios %s is %s', (bytes, version) => {
    const value = Uint8Array.from(bytes.split(' '), (pair) => Number.parseInt(pair, 16));
    expect(vbiosVersion(field(OPAQUE.vbiosVersion, value), 'gpu')).toBe(version);
  });

  test('vbios of a switch is text, of another length unknown', () => {
    expect(vbiosVersion(field(OPAQUE.vbiosVersion, utf8('96.10.55.00.01')), 'switch')).toBe('96.10.55.00.01');
    expect(vbiosVersion(field(OPAQUE.vbiosVersion, new Uint8Array(7)), 'gpu')).toBeNull();
  });

  test.each([
    [0, 'spt'],
    [1, 'mpt'],
    [2, 'ppcie'],
    [3, 'unknown-3'],
  ])('feature flag %i is %s', (flag, mode) =>
    expect(featureMode(field(OPAQUE.featureFlag, Uint8Array.of(flag, 0)))).toBe(mode),
  );

  test('text ends at the first zero and is printable', () => {
    expect(opaqueText(field(3, utf8('580.95.05\0\0')), 3)).toBe('580.95.05');
    expect(opaqueText(field(3, Uint8Array.of(1, 2)), 3)).toBeNull();
    expect(opaqueText(new Map(), 3)).toBeNull();
  });
});

test.each([
  ['<SoftwareIdentity xmlns="u">', true],
  ['<?xml version="1.0"?>\n<ns0:SoftwareIdentity ', true],
  ['<html>', false],
  ['SoftwareIdentity', false],
])('%s looks like a manifest: %s', (text, wanted) => expect(looksLikeRim(utf8(text))).toBe(wanted));
