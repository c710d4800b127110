/** Reads bodies: bounded bytes, strict JSON, or a form with files. The exact bytes are kept, because the receipt hashes them. */

import { encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { parseJson } from '@assay/encoding/json';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { readBody } from './held-bodies.ts';
import { envelopeSchema } from './schemas/work.ts';
import { writtenContext } from './written-context.ts';

/** A request for work, before its `data` is looked at. */
export interface ProcessBody {
  readonly bytes: Uint8Array;
  readonly taskId: string | null;
  readonly query: string | null;
  readonly nonce: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** The context of the request as it was written; see `written-context.ts`. */
  readonly contextText: string | null;
}

const MAX_DEPTH = 64;

/** `data` is looked at by the task it names; `parameters` is the origin's word for it. */
const envelope = envelopeSchema.extend({
  data: z.record(z.string(), z.unknown()).nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
});

/**
 * The body's bytes.
 * @throws {ServerError} `http/body-too-large`, `server/busy`.
 */
export async function readBytes(request: Request, most: number): Promise<Uint8Array> {
  const tooLarge = (): ServerError =>
    new ServerError('http/body-too-large', `expected a body of at most ${most} bytes; send less, or raise ASSAY_MAX_BODY_MB`);
  return readBody(request, { most, sender: 'known', tooLong: tooLarge });
}

/**
 * A request for work as JSON, or as `multipart/form-data` with the JSON in the field `request` (or `data`) and files beside it.
 * @throws {ServerError} `http/body-too-large`, `http/unsupported-media-type`, `http/bad-json`, `task/bad-input`.
 */
export async function readProcessBody(request: Request, most: number): Promise<ProcessBody> {
  const type = (request.headers.get('content-type') ?? '').toLowerCase();
  const isForm = type.startsWith('multipart/form-data');
  if (!isForm && !/^application\/(?:[a-z0-9.+-]*\+)?json\b/.test(type)) {
    throw new ServerError(
      'http/unsupported-media-type',
      'expected Content-Type: application/json, or multipart/form-data with files',
    );
  }
  const bytes = await readBytes(request, most);
  const { json, text } = isForm
    ? await readForm(bytes, request.headers.get('content-type') ?? '')
    : { json: parse(bytes, most), text: () => decodeUtf8(bytes) };
  const checked = envelope.safeParse(json);
  if (!checked.success) {
    const issues = checked.error.issues.map((issue) => ({ path: z.core.toDotPath(issue.path), message: issue.message }));
    const [first] = issues;
    throw new ServerError(
      'task/bad-input',
      first === undefined || first.path === '' ? 'expected a JSON object with data' : `${first.path}: ${first.message}`,
      { details: { issues } },
    );
  }
  const { task_id, query, nonce, data, parameters } = checked.data;
  return {
    bytes,
    taskId: task_id ?? null,
    query: query ?? null,
    nonce: nonce ?? null,
    data: { ...(parameters ?? {}), ...(data ?? {}) },
    contextText: (data?.context ?? parameters?.context ?? null) === null ? null : writtenContext(text()),
  };
}

function parse(bytes: Uint8Array, most: number): unknown {
  try {
    return parseJson(bytes, { maxBytes: most, maxDepth: MAX_DEPTH });
  } catch (cause) {
    throw new ServerError(
      'http/bad-json',
      `the body is not valid JSON: ${cause instanceof Error ? cause.message : 'malformed'}`,
      { cause },
    );
  }
}

/** The JSON of a body, and its text. */
interface ReadJson {
  readonly json: unknown;
  readonly text: () => string;
}

async function readForm(bytes: Uint8Array, contentType: string): Promise<ReadJson> {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData();
  } catch (cause) {
    throw new ServerError('http/bad-json', 'the body is not a valid multipart form; check its boundary', { cause });
  }
  const text = form.get('request') ?? form.get('data');
  if (typeof text !== 'string')
    throw new ServerError('task/bad-input', 'request: expected a form field with the JSON of the request');
  const json = parse(new TextEncoder().encode(text), bytes.length);
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  if (!isObject) throw new ServerError('task/bad-input', 'request: expected a JSON object');
  const whole = 'data' in json ? (json as Readonly<Record<string, unknown>>) : { data: json };
  const data = whole.data as Readonly<Record<string, unknown>> | null;
  const written = (): string => ('data' in json ? text : `{"data":${text}}`);
  const files: { path: string; content_base64: string }[] = [];
  for (const [field, value] of form.entries()) {
    if (typeof value === 'string') continue;
    const name = value.name.split(/[/\\]/).at(-1) ?? '';
    files.push({
      path: field.startsWith('/tmp/') ? field : `/tmp/${name}`,
      content_base64: encodeBase64(new Uint8Array(await value.arrayBuffer())),
    });
  }
  if (files.length === 0 || typeof data !== 'object' || data === null) return { json: whole, text: written };
  const given = Array.isArray(data.files) ? data.files : [];
  return { json: { ...whole, data: { ...data, files: [...given, ...files] } }, text: written };
}
