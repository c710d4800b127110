/**
 * The verifying proxy as a plain request handler: any OpenAI client points at it, programs in any language send tasks through it, and
 * nothing it forwards leaves before the upstream was verified. Answers whose proof does not verify end in an error, so that a client cannot take them for complete.
 */

import { LOCAL_REFUSALS, localRefusal, localRequestOf } from '@assay/channel';
import { isCoded } from '@assay/encoding/coded-error';
import { boundedRequest, exchangeMemory, releasing } from './exchange-memory.ts';
import type { ProofFile, VerifiedUpstream } from './upstream.ts';

/** Of errors that are not the upstream's. */
const STATUS: Readonly<Record<string, number>> = { 'client/request-oversize': 413, 'client/busy': 503 };

/** Options of `createVerifyingProxy`. */
export interface VerifyingProxyOptions {
  readonly upstream: VerifiedUpstream;
  /** Keeps the proof of each answer. */
  readonly keep: (proof: ProofFile) => Promise<void>;
  /** Told what happened, for people to watch. Never carries prompts. */
  readonly onEvent?: (event: ProxyEvent) => void;
}

/** What a verifying proxy did with one request. */
export type ProxyEvent =
  | { readonly type: 'forwarded'; readonly method: string; readonly path: string; readonly status: number }
  | { readonly type: 'proved'; readonly id: string; readonly summary: string }
  | { readonly type: 'unproved'; readonly path: string }
  | { readonly type: 'refused'; readonly path: string; readonly code: string; readonly message: string };

/**
 * A handler for an HTTP server that listens on loopback. Requests of web pages get status 403 or 415: they must not spend the key or read
 * answers.
 * @example const handle = createVerifyingProxy({ upstream, keep: (proof) => save(proof) });
 */
export function createVerifyingProxy({
  upstream,
  keep,
  onEvent = () => undefined,
}: VerifyingProxyOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname: path, host } = new URL(request.url);
    const marks = localRequestOf(request);
    const foreign = localRefusal({ ...marks, host: marks.host ?? host });
    if (foreign !== null) {
      const code = foreign === 'foreign-content-type' ? 'proxy/foreign-content-type' : 'proxy/foreign-origin';
      onEvent({ type: 'refused', path, code, message: LOCAL_REFUSALS[foreign] });
      return openAiError(foreign === 'foreign-content-type' ? 415 : 403, code, LOCAL_REFUSALS[foreign]);
    }
    if (path === '/verification')
      return Response.json({ kind: upstream.kind, url: upstream.url.href, verdict: upstream.verdict });
    const taken = ['/v1/', ...(upstream.paths ?? [])];
    if (!taken.some((start) => path.startsWith(start)))
      return openAiError(404, 'not_found', `expected a path below ${taken.join(', ')}, got ${path}`);
    const held = exchangeMemory();
    try {
      const { response, proof } = await upstream.forward(boundedRequest(request, held), held);
      onEvent({ type: 'forwarded', method: request.method, path, status: response.status });
      void proof.then(
        async (found) => {
          if (found === null) return onEvent({ type: 'unproved', path });
          await keep(found);
          onEvent({ type: 'proved', id: found.id, summary: found.summary });
        },
        (error: unknown) => onEvent({ type: 'refused', path, ...describe(error) }),
      );
      return releasing(response, held);
    } catch (error) {
      held.release();
      const described = describe(error);
      onEvent({ type: 'refused', path, ...described });
      return openAiError(STATUS[described.code] ?? 502, described.code, described.message);
    }
  };
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (isCoded(error)) return { code: error.code, message: error.message };
  return { code: 'client/agent-unreachable', message: error instanceof Error ? error.message : String(error) };
}

/** The error shape of OpenAI's API, which every client of the proxy can read. */
function openAiError(status: number, code: string, message: string): Response {
  const headers: Record<string, string> = status === 503 ? { 'retry-after': '2' } : {};
  return Response.json({ error: { message, type: 'verification_error', param: null, code } }, { status, headers });
}
