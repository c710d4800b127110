import { describe, expect, it } from 'vitest';
import { derBitFlags, derTime, readDer } from './der.ts';
import { encodeHex } from './hex.ts';
import { basicConstraints, encodeDerTime, encodeEcdsaSignature, encodeExtension, encodeName, keyUsage } from './x509-writer.ts';

describe('x509 writer', () => {
  it.each([
    '1950-01-01T00:00:00Z',
    '2049-12-31T23:59:59Z',
    '2050-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '1949-12-31T00:00:00Z',
  ])('writes the time %s in the type RFC 5280 asks for', (time) => {
    const element = readDer(encodeDerTime(Date.parse(time)));
    expect(derTime(element)).toBe(Date.parse(time));
    expect(element.tag).toBe(time >= '2050' || time < '1950' ? 0x18 : 0x17);
  });

  it('writes extensions as RFC 5280 §4.2.1 shows them', () => {
    expect(encodeHex(encodeExtension(basicConstraints(true, 0)))).toBe('30120603551d130101ff040830060101ff020100');
    expect(encodeHex(encodeExtension(basicConstraints(false)))).toBe('300c0603551d130101ff04023000');
    expect(derBitFlags(readDer(keyUsage(0, 5, 6).value))).toBe(0b1100001);
    expect(encodeHex(keyUsage(5, 6).value)).toBe('03020106');
  });

  it('writes names in the order given', () => {
    expect(encodeHex(encodeName({ C: 'US', CN: 'a' }))).toBe('3019310b300906035504060c025553310a300806035504030c0161');
  });

  it('turns r and s into integers', () => {
    expect(encodeHex(encodeEcdsaSignature(Uint8Array.of(0x80, 0x01, 0x00, 0x02)))).toBe('30080203008001020102');
    expect(() => encodeEcdsaSignature(new Uint8Array(3))).toThrow(expect.objectContaining({ code: 'der/malformed' }));
  });
});
