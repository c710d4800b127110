/** The document of a request for work: JSON, or a form with the JSON in the field `request` (or `data`) and files beside it. */

import { encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { parseJson } from '@assay/encoding/json';
import { ServerError } from '../errors.ts';

const MAX_DEPTH = 64;
/** Fields and files of a form together; each costs kilobytes, however short it is. */
const MAX_PARTS = 512;
const FORM = 'multipart/form-data';
/** Of RFC 2046 §5.1.1 without the space. */
const BOUNDARY = /^[\w'()+,./:=?-]{1,70}$/;
/** One parameter of a media type, or none behind its semicolon. A backslash, which parsers read differently, is in none. */
const PARAMETER = /\s*;\s*(?:([\w*-]+)=(?:"([^"\\]*)"|([^\s;"\\]+)))?/gy;

/** The JSON of a request, and its text as it was written. */
export interface RequestDocument {
  readonly json: unknown;
  readonly text: () => string;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * @param contentType - Of the body; anything but a form is read as JSON.
 * @throws {ServerError} `http/bad-json`, `task/bad-input`.
 */
export async function requestDocument(bytes: Uint8Array, contentType: string): Promise<RequestDocument> {
  if (contentType.toLowerCase().startsWith(FORM)) return readForm(bytes, contentType);
  return { json: parse(bytes), text: () => decodeUtf8(bytes) };
}

/**
 * The media type of a body that was kept without it: only a form begins with a boundary.
 * @example contentTypeOf(utf8('--x\r\n')) // 'multipart/form-data; boundary="x"'
 */
export function contentTypeOf(bytes: Uint8Array): string {
  const [first = ''] = new TextDecoder('latin1').decode(bytes.subarray(0, 200)).split('\r\n', 1);
  return first.startsWith('--') ? formType(first.slice(2)) : 'application/json';
}

/** What `data` asks for: `parameters` is the origin's word for it, and `query` stands in for a missing description. */
export function requestedData({
  data,
  parameters,
  query,
}: {
  readonly data?: Members | null | undefined;
  readonly parameters?: Members | null | undefined;
  readonly query?: string | null | undefined;
}): Members {
  const members = { ...(parameters ?? {}), ...(data ?? {}) };
  return members.description === undefined && typeof query === 'string' ? { ...members, description: query } : members;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, { maxBytes: bytes.length, maxDepth: MAX_DEPTH });
  } catch (cause) {
    throw new ServerError(
      'http/bad-json',
      `the body is not valid JSON: ${cause instanceof Error ? cause.message : 'malformed'}`,
      { cause },
    );
  }
}

async function readForm(bytes: Uint8Array, contentType: string): Promise<RequestDocument> {
  const boundary = boundaryIn(contentType);
  assertFewParts(bytes, boundary);
  let form: FormData;
  try {
    // Made of the boundary that was counted: parsers differ in how they read the client's header.
    const headers = { 'content-type': formType(boundary) };
    form = await new Response(new Uint8Array(bytes), { headers }).formData();
  } catch (cause) {
    throw new ServerError('http/bad-json', 'the body is not a valid multipart form; check its boundary', { cause });
  }
  const text = form.get('request') ?? form.get('data');
  if (typeof text !== 'string')
    throw new ServerError('task/bad-input', 'request: expected a form field with the JSON of the request');
  const json = parse(new TextEncoder().encode(text));
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  if (!isObject) throw new ServerError('task/bad-input', 'request: expected a JSON object');
  const whole = 'data' in json ? (json as Members) : { data: json };
  const data = whole.data as Members | null;
  const written = (): string => ('data' in json ? text : `{"data":${text}}`);
  const files = await filesOf(form);
  if (files.length === 0 || typeof data !== 'object' || data === null) return { json: whole, text: written };
  const given = Array.isArray(data.files) ? data.files : [];
  return { json: { ...whole, data: { ...data, files: [...given, ...files] } }, text: written };
}

function formType(boundary: string): string {
  return `${FORM}; boundary="${boundary}"`;
}

/** The one boundary of a form. @throws {ServerError} `http/bad-json`. */
function boundaryIn(contentType: string): string {
  const parameters = contentType.slice(FORM.length).trimEnd();
  const boundaries: string[] = [];
  let end = 0;
  for (const [text, name, quoted, plain] of parameters.matchAll(PARAMETER)) {
    end += text.length;
    if (name?.toLowerCase() === 'boundary') boundaries.push(quoted ?? plain ?? '');
  }
  const [boundary = '', another] = boundaries;
  if (end !== parameters.length || another !== undefined || !BOUNDARY.test(boundary))
    throw new ServerError(
      'http/bad-json',
      "expected one boundary of 1 to 70 letters, digits or '()+_,-./:=? in the Content-Type of the form, got something else; send one",
    );
  return boundary;
}

/** Counts the boundary before a form is made of the bytes. @throws {ServerError} `http/bad-json`. */
function assertFewParts(bytes: Uint8Array, boundary: string): void {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  let parts = 0;
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) {
    parts += 1;
    // The last mark ends the form.
    if (parts > MAX_PARTS + 1)
      throw new ServerError(
        'http/bad-json',
        `expected a form of at most ${MAX_PARTS} fields and files, got more; send an archive`,
      );
  }
}

async function filesOf(form: FormData): Promise<readonly { readonly path: string; readonly content_base64: string }[]> {
  const files: { path: string; content_base64: string }[] = [];
  for (const [field, value] of form.entries()) {
    if (typeof value === 'string') continue;
    const name = value.name.split(/[/\\]/).at(-1) ?? '';
    files.push({
      path: field.startsWith('/tmp/') ? field : `/tmp/${name}`,
      content_base64: encodeBase64(new Uint8Array(await value.arrayBuffer())),
    });
  }
  return files;
}
