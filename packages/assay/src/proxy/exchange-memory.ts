/**
 * What a verifying proxy holds: requests as they come in, and of answers what must be kept until its proof. All exchanges draw from one
 * amount, before they keep a byte; short requests are let in also while long ones fill it.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { Budget, type Reservation } from '@assay/encoding/budget';
import { ClientError } from '../errors.ts';

const MIB = 1024 * 1024;
/** Longest request, bytes. */
export const MAX_REQUEST_BYTES: number = 64 * MIB;
/** Bytes of an exchange that are not counted. */
const FREE_BYTES = 64 * 1024;

const ALL = new Budget({
  name: 'bytes held by the proxy',
  limit: 256 * MIB,
  refuse: () =>
    new ClientError('client/busy', 'the proxy holds as many large requests and answers as it may; try again in a moment', {
      details: { retryAfterSeconds: 2 },
    }),
});

/** Memory of one exchange. @throws {ClientError} `client/busy` when it grows. */
export function exchangeMemory(): Reservation {
  const held = ALL.reserve(0);
  let amount = 0;
  return {
    get amount() {
      return amount;
    },
    grow(by) {
      held.grow(Math.max(0, amount + by - FREE_BYTES) - Math.max(0, amount - FREE_BYTES));
      amount += by;
    },
    shrinkTo(to) {
      if (to < amount) held.shrinkTo(Math.max(0, to - FREE_BYTES));
      amount = Math.min(amount, to);
    },
    release: held.release,
  };
}

/** What all exchanges hold now, bytes. */
export function heldByProxy(): number {
  return ALL.used;
}

/**
 * The same request with a body that is counted, before it is read where its length is declared, and that ends in an error as soon as
 * it is too long.
 * @throws {ClientError} `client/request-oversize`, `client/busy` for a declared length; the body does for any other.
 */
export function boundedRequest(request: Request, held: Reservation): Request {
  const { body } = request;
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > MAX_REQUEST_BYTES) throw oversize();
  if (body === null) return request;
  held.grow(Number.isSafeInteger(declared) && declared > 0 ? declared : 0);
  let seen = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      seen += piece.length;
      if (seen > MAX_REQUEST_BYTES) throw oversize();
      if (seen > held.amount) held.grow(seen - held.amount);
      controller.enqueue(piece);
    },
  });
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, body: body.pipeThrough(counted), duplex: 'half' } as RequestInit);
}

/** All of a request's body, for those who seal or prove it as a whole. @throws {ClientError} `client/request-oversize`. */
export function requestBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  return readAtMost(request.body, { most: MAX_REQUEST_BYTES, what: 'the request', refuse: oversize });
}

/** The answer, whose body gives `held` back when it was read, left or broken. */
export function releasing(answer: Response, held: Reservation): Response {
  if (answer.body === null) {
    held.release();
    return answer;
  }
  const reader = answer.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        held.release();
        controller.close();
      } catch (error) {
        held.release();
        throw error;
      }
    },
    async cancel(reason) {
      held.release();
      await reader.cancel(reason);
    },
  });
  const { status, statusText, headers } = answer;
  return new Response(body, { status, statusText, headers });
}

function oversize(): ClientError {
  return new ClientError(
    'client/request-oversize',
    `expected a request of at most ${MAX_REQUEST_BYTES} bytes, got more; nothing was sent, send less`,
  );
}
