/** Reads bodies: bounded bytes, strict JSON, or a form with files. The exact bytes are kept, because the receipt hashes them. */

import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { requestDocument, requestedData } from '../tasks/request-document.ts';
import { readBody } from './held-bodies.ts';
import { envelopeSchema } from './schemas/work.ts';
import { writtenContext } from './written-context.ts';

/** A request for work, before its `data` is looked at. */
export interface ProcessBody {
  readonly bytes: Uint8Array;
  readonly taskId: string | null;
  readonly nonce: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** The context of the request as it was written; see `written-context.ts`. */
  readonly contextText: string | null;
}

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
  const { json, text } = await requestDocument(bytes, request.headers.get('content-type') ?? '');
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
  const { task_id, nonce, data, parameters } = checked.data;
  return {
    bytes,
    taskId: task_id ?? null,
    nonce: nonce ?? null,
    data: requestedData(checked.data),
    contextText: (data?.context ?? parameters?.context ?? null) === null ? null : writtenContext(text()),
  };
}
