import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from './bytes.ts';
import { canonicalJson, parseJson, parseLooseJson } from './json.ts';

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (text) => {
        const isPlain = !text.includes('__proto__');
        if (isPlain) expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
    expect(parseJson(utf8(' {"a" : [1, -0.5e-3, "\\u00e9\\n\\\\\\/", true , null]}\r\n\t'))).toEqual({
      a: [1, -0.0005, 'é\n\\/', true, null],
    });
    expect(parseJson('"\\ud83d\\ude00"')).toBe('😀');
  });

  it('makes objects without a prototype', () => {
    const value = parseJson('{"constructor":1}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(value.toString).toBeUndefined();
    expect(value.constructor).toBe(1);
  });

  it.each([
    ['nothing', ''],
    ['white space', ' '],
    ['two values', '1 2'],
    ['a trailing comma', '[1,]'],
    ['a leading comma', '[,1]'],
    ['a missing comma', '[1 2]'],
    ['a missing colon', '{"a" 1}'],
    ['a name without quotes', '{a:1}'],
    ['single quotes', "'a'"],
    ['a comment', '/**/1'],
    ['a plus sign', '+1'],
    ['a leading zero', '01'],
    ['a leading point', '.5'],
    ['a trailing point', '1.'],
    ['an empty exponent', '1e'],
    ['hexadecimal', '0x10'],
    ['NaN', 'NaN'],
    ['a number beyond a double', '1e400'],
    ['an open string', '"a'],
    ['an open escape', '"a\\'],
    ['a raw line break in a string', '"a\nb"'],
    ['a raw control character', '"\u0001"'],
    ['an unknown escape', '"\\x41"'],
    ['a short unicode escape', '"\\u12"'],
    ['a high surrogate alone', '"\\ud800"'],
    ['a low surrogate alone', '"\\udc00x"'],
    ['surrogates in the wrong order', '"\\udc00\\ud800"'],
    ['a raw lone surrogate', '"\ud800"'],
    ['a half-open object', '{"a":1'],
    ['a byte order mark', '\ufeff1'],
    ['a non-breaking space', '\u00a01'],
    ['__proto__', '{"__proto__":1}'],
    ['__proto__ in escapes', '{"\\u005f_proto__":1}'],
    ['a cut literal', 'tru'],
  ])('refuses %s', (_, text) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: 'json/malformed' }));
  });

  it.each([
    ['a name twice', '{"a":1,"a":1}', 'json/duplicate-name'],
    ['a name twice, once in escapes', '{"a":1,"\\u0061":2}', 'json/duplicate-name'],
    ['deep arrays', '['.repeat(200_000), 'json/limit'],
    ['deep objects', '{"a":'.repeat(200_000), 'json/limit'],
  ])('refuses %s', (_, text, code) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code }));
  });

  it('keeps to the limits it is given', () => {
    expect(() => parseJson('[[1]]', { maxDepth: 1 })).toThrow(expect.objectContaining({ code: 'json/limit' }));
    expect(parseJson('[[1]]', { maxDepth: 2 })).toEqual([[1]]);
    expect(() => parseJson('"abc"', { maxBytes: 4 })).toThrow(expect.objectContaining({ code: 'json/limit' }));
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(expect.objectContaining({ code: 'utf8/malformed' }));
  });

  it('reads a long string full of escapes in linear time', () => {
    expect(parseJson(`"${'\\n'.repeat(1_000_000)}"`)).toHaveLength(1_000_000);
  });
});

describe('canonicalJson (RFC 8785)', () => {
  it('writes the example of §3.2.2 and §3.2.3', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    );
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts names by utf-16 units, as the example of §3.2.3', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const sorted = Object.keys(JSON.parse(canonicalJson(Object.fromEntries(names.map((name) => [name, 0])))) as object);
    // Integer-like names come first in JavaScript objects, so compare the text itself.
    expect(sorted.filter((name) => name !== '1')).toEqual(['\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
    expect(canonicalJson({ b: 1, 10: 2, 9: 3, a: 4 })).toBe('{"10":2,"9":3,"a":4,"b":1}');
    const deep = [JSON.parse('{"c":{"b":1,"10":2,"9":[3]},"a":{"b":0,"__proto__":{"d":"\\n"}}}')];
    expect(canonicalJson(deep)).toBe('[{"a":{"__proto__":{"d":"\\n"},"b":0},"c":{"10":2,"9":[3],"b":1}}]');
  });

  it.each([
    [-0, '0'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [1e23, '1e+23'],
    [0.000001, '0.000001'],
    [1e-7, '1e-7'],
    [333333333.33333325, '333333333.33333325'],
  ])('formats %d as appendix B does', (number, text) => {
    expect(canonicalJson(number)).toBe(text);
  });

  it('is a fixed point and does not depend on the order of names', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        if (!text.includes('__proto__')) expect(canonicalJson(parseJson(text))).toBe(text);
      }),
    );
    expect(canonicalJson({ a: 1, b: 2 })).toBe(canonicalJson({ b: 2, a: 1 }));
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['an undefined member', { a: undefined }],
    ['a hole', new Array(1)],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
    ['a lone surrogate beside a name that is a number', { 1: 0, a: ['\ud800'] }],
    ['a date', new Date(0)],
    ['bytes', new Uint8Array(1)],
    ['a map', new Map()],
    ['a function', () => 0],
    [
      'a cycle',
      ((): unknown => {
        const loop: Record<string, unknown> = {};
        loop.a = loop;
        return loop;
      })(),
    ],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'json/unencodable', kind: 'misuse' }));
  });
});

describe('parseLooseJson', () => {
  it('reads what JSON.parse reads, twice named members and halves of characters too', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseLooseJson(text)).toEqual(JSON.parse(text));
      }),
    );
    expect(parseLooseJson('{"a":1,"a":"\\ud800"}')).toEqual({ a: '\ud800' });
  });

  it.each([
    ['parts', '[],'.repeat(400_000), 'json/limit'],
    ['depth', '['.repeat(600_000), 'json/limit'],
    ['nothing', '', 'json/malformed'],
    ['a half', '{"a":', 'json/malformed'],
  ])('refuses too many %s before it builds them', (_, text, code) => {
    expect(() => parseLooseJson(text === '' ? '' : text, 300_000)).toThrow(expect.objectContaining({ code }));
  });

  it('counts no commas inside of texts', () => {
    const text = JSON.stringify(`${'[,:{'.repeat(100_000)}\\"${','.repeat(200_000)}`);
    expect(parseLooseJson(text, 10)).toBe(JSON.parse(text));
  });
});
