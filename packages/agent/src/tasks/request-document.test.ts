/** Requests as JSON and as forms: what a form costs is bounded before it is made. */

import { expectRefusal } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { contentTypeOf, requestDocument } from './request-document.ts';

const TYPE = 'multipart/form-data; boundary=zqzq';
const REQUEST = '--zqzq\r\nContent-Disposition: form-data; name="request"\r\n\r\n{"data":{"type":"execute"}}\r\n';
const FILE = '--zqzq\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nq\r\n';
const FIELD = '--zqzq\r\nContent-Disposition: form-data; name="f"\r\n\r\nq\r\n';
const form = (part: string, count: number): Uint8Array => Buffer.from(`${REQUEST}${part.repeat(count)}--zqzq--\r\n`);

describe('a form', () => {
  it.each([
    ['quoted', 'multipart/form-data; boundary="zqzq"'],
    ['plain', TYPE],
    ['in capitals, behind another parameter', 'Multipart/Form-Data; charset=utf-8; Boundary=zqzq'],
    ['before an empty parameter', 'multipart/form-data ; boundary=zqzq ; '],
    ['behind a quoted one that speaks of another', 'multipart/form-data; x="; boundary=aaaa"; boundary=zqzq'],
    ['as a kept body begins', contentTypeOf(form(FILE, 2))],
  ])('is read with a boundary that stands %s', async (_, type) => {
    const { json } = await requestDocument(form(FILE, 2), type);
    const file = { path: '/tmp/a.txt', content_base64: 'cQ==' };
    expect(json).toEqual({ data: { type: 'execute', files: [file, file] } });
  });

  it.each([
    ['a browser', '----WebKitFormBoundary7MA4YWxkTrZu0gW'],
    ['another browser', '----geckoformboundary5a4fb0b1dcd6c1d6e9f7e0c6a1b2c3d4'],
    ['curl', '------------------------d74496d66958873e'],
    ['Python requests', '8d1f1b9a1c0d4b5e9a7f3c2e1d0b9a8f'],
    ['a client that uses every character that may be', "=_Part.1'()+,-/:=?"],
  ])('of %s is read', async (_, boundary) => {
    const bytes = Buffer.from(
      Buffer.from(form(FILE, 2))
        .toString()
        .replaceAll('zqzq', () => boundary),
    );
    for (const type of [`multipart/form-data; boundary=${boundary}`, contentTypeOf(bytes)]) {
      const { json } = await requestDocument(bytes, type);
      expect((json as { data: { files: unknown[] } }).data.files.length).toBe(2);
    }
  });

  it("of Node's fetch is read", async () => {
    const sent = new FormData();
    sent.set('request', '{"data":{"type":"execute"}}');
    sent.set('file', new File(['q'], 'a.txt'));
    const request = new Request('http://localhost/', { method: 'POST', body: sent });
    const type = request.headers.get('content-type') ?? '';
    const { json } = await requestDocument(new Uint8Array(await request.arrayBuffer()), type);
    expect((json as { data: { files: unknown[] } }).data.files.length).toBe(1);
  });

  it('may have 512 parts', async () => {
    const { json } = await requestDocument(form(FILE, 511), TYPE);
    expect((json as { data: { files: unknown[] } }).data.files.length).toBe(511);
  });

  it.each([
    ['513 parts', form(FILE, 512), TYPE, 'send an archive'],
    ['fields without end', form(FIELD, 100_000), TYPE, 'send an archive'],
    ['boundaries without parts', form('--zqzq', 100_000), TYPE, 'send an archive'],
    ['a boundary of one character', Buffer.from('--'.repeat(100_000)), 'multipart/form-data; boundary=-', 'send an archive'],
    ['no boundary', form(FILE, 1), 'multipart/form-data', 'send one'],
    ['an empty boundary', form(FILE, 1), 'multipart/form-data; boundary=""', 'send one'],
    ['a boundary of 71 characters', form(FILE, 1), `multipart/form-data; boundary=${'z'.repeat(71)}`, 'send one'],
    ['two boundaries', form(FILE, 1), 'multipart/form-data; boundary=aaaa; boundary=zqzq', 'send one'],
    ['two headers in one', form(FILE, 1), `${TYPE}, ${TYPE}`, 'send one'],
    ['an escape in the boundary', form(FILE, 20_000), 'multipart/form-data; boundary="zq\\zq"', 'send one'],
    [
      'another quoted one before',
      form(FILE, 20_000),
      'multipart/form-data; x="; boundary=aaaa"; boundary=zqzq',
      'send an archive',
    ],
    ['an escape before', form(FILE, 20_000), 'multipart/form-data; x="\\"; boundary=aaaa"; boundary=zqzq', 'send one'],
    ['an open quote', form(FILE, 1), 'multipart/form-data; boundary="zqzq', 'send one'],
    ['a boundary that is not ASCII', form(FILE, 1), 'multipart/form-data; boundary="zq\u00e9q"', 'send one'],
    ['a boundary with a space', form(FILE, 1), 'multipart/form-data; boundary="zq zq"', 'send one'],
    ['another media type', form(FILE, 1), 'multipart/form-data-2; boundary=zqzq', 'send one'],
  ])('with %s is refused', async (_, bytes, type, advice) => {
    await expectRefusal(requestDocument(bytes, type), 'http/bad-json', ['expected', advice]);
  });
});
