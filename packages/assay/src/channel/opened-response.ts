/**
 * A `Response` whose decrypted body is all here: the common readers answer from the bytes, and a stream is made only when somebody
 * asks for one. Reading once, reading twice and cloning behave as the platform's own.
 *
 * Its body lives outside the platform's class, so platform code that looks inside a `Response` (a service worker's `respondWith`)
 * would see none; browsers therefore get plain responses.
 */

import type { ResponseHead } from '@assay/channel';
import { platformClass } from '@assay/encoding/platform-class';
import { PAGE_RULES } from './page-rules.ts';

const decoder = new TextDecoder();

class OpenedResponse {
  readonly #bytes: Uint8Array;
  readonly #head: ResponseHead;
  #headers: Headers | null = null;
  #real: Response | null = null;
  #taken = false;

  constructor(bytes: Uint8Array, head: ResponseHead) {
    this.#bytes = bytes;
    this.#head = head;
  }

  get status(): number {
    return this.#head.status;
  }

  get ok(): boolean {
    return this.status < 300;
  }

  get headers(): Headers {
    this.#headers ??= new Headers(this.#head.headers as [string, string][]);
    return this.#headers;
  }

  get bodyUsed(): boolean {
    return this.#real === null ? this.#taken : this.#real.bodyUsed;
  }

  /** The same response as the platform's own class, the use of its body included. */
  platform(): Response {
    if (this.#real !== null) return this.#real;
    this.#real = new (platformClass(Response))(this.#bytes as BodyInit, { status: this.status, headers: this.headers });
    if (this.#taken) void this.#real.arrayBuffer();
    return this.#real;
  }

  /** The bytes, once; `null` when the platform's class has to answer. */
  #take(): Uint8Array | null {
    if (this.#taken || this.#real !== null) return null;
    this.#taken = true;
    return this.#bytes;
  }

  async text(): Promise<string> {
    const bytes = this.#take();
    return bytes === null ? this.platform().text() : decoder.decode(bytes);
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#take();
    return bytes === null ? this.platform().arrayBuffer() : (bytes.slice().buffer as ArrayBuffer);
  }
}

for (const name of ['body', 'redirected', 'statusText', 'type', 'url'] as const) {
  Object.defineProperty(OpenedResponse.prototype, name, {
    get(this: OpenedResponse) {
      return this.platform()[name];
    },
  });
}
for (const name of ['blob', 'bytes', 'clone', 'formData'] as const) {
  Object.defineProperty(OpenedResponse.prototype, name, {
    value(this: OpenedResponse) {
      return this.platform()[name]();
    },
  });
}
Object.setPrototypeOf(OpenedResponse.prototype, platformClass(Response).prototype);

/** @param head with a status that has a body: 200 to 599, not 204, 205 or 304 */
export function openedResponse(bytes: Uint8Array, head: ResponseHead): Response {
  if (!PAGE_RULES) return new OpenedResponse(bytes, head) as unknown as Response;
  return new Response(bytes as BodyInit, { status: head.status, headers: head.headers as [string, string][] });
}
