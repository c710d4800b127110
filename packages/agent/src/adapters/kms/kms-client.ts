/** AWS KMS over its JSON protocol, requests signed with Signature Version 4. Every call has a deadline and a bounded answer. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import type { Config } from '../../config.ts';
import { ServerError } from '../../errors.ts';

/** Where KMS is, and who asks it. */
export type KmsSettings = Config['kms'];

/** An answer, or the name of KMS's error, such as `AccessDeniedException`. */
export type KmsAnswer = { readonly ok: true; readonly body: JsonObject } | { readonly ok: false; readonly error: string };

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export class KmsClient {
  readonly url: string;
  readonly #region: string;
  readonly #credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };

  /**
   * @param keyArn names the region.
   * @throws {ServerError} `operator/secret-unavailable` without credentials.
   */
  constructor(keyArn: string, { url, accessKeyId, secretAccessKey, sessionToken }: KmsSettings) {
    this.#region = keyArn.split(':')[3] ?? '';
    this.url = url ?? `https://kms.${this.#region}.amazonaws.com`;
    if (accessKeyId === null || secretAccessKey === null)
      throw kmsUnavailable('the agent has no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
    this.#credentials = { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
  }

  /**
   * @param operation e.g. `Decrypt`.
   * @throws {ServerError} `operator/secret-unavailable` when there is no answer of KMS.
   */
  async call(operation: string, request: JsonObject): Promise<KmsAnswer> {
    const { AwsV4Signer } = await import('aws4fetch');
    const { url, headers, body } = await new AwsV4Signer({
      ...this.#credentials,
      url: `${this.url.replace(/\/$/, '')}/`,
      method: 'POST',
      service: 'kms',
      region: this.#region,
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` },
      body: JSON.stringify(request),
    }).sign();
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers,
        body: body ?? null,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const bytes = await readAtMost(answer.body, { most: MAX_ANSWER_BYTES, what: 'KMS' });
      const parsed = parseJson(decodeUtf8(bytes));
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('expected a JSON object');
      if (answer.ok) return { ok: true, body: parsed as JsonObject };
      const { __type: type } = parsed as { readonly __type?: unknown };
      const name = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : '';
      return { ok: false, error: /^[A-Za-z]{1,80}$/.test(name) ? name : `status ${answer.status}` };
    } catch (cause) {
      throw kmsUnavailable(`${operation} gives no answer; see that ${new URL(this.url).origin} is reachable`, cause);
    }
  }
}

/** The refusal of a platform that has a secret and does not give it. */
export function kmsUnavailable(why: string, cause?: unknown): ServerError {
  return new ServerError('operator/secret-unavailable', `expected the operator's secret from AWS KMS, got none: ${why}`, {
    cause,
  });
}
