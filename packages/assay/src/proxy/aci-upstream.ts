/**
 * An `aci/1` service as upstream: Assay's own agent, or any other that publishes an attested keyset. Requests go through the sealed
 * channel of {@link connect}, over connections that show a TLS key of the keyset where there is one and the platform can see it; the proof of an answer is the agent's offline bundle, fetched and verified before it is kept.
 */

import type { Reservation } from '@assay/encoding/budget';
import { MAX_BUNDLE_BYTES } from '@assay/receipt';
import { contentOf } from '../connection/answer-content.ts';
import { agentOptions, withSlash } from '../connection/attestation.ts';
import { connect } from '../connection/connect.ts';
import { ClientError } from '../errors.ts';
import { bundleVerdict } from '../verification/bundle.ts';
import { reasonOf } from '../verification/verdict.ts';
import { withChannel } from './channel-standing.ts';
import { requestBody } from './exchange-memory.ts';
import { keysetConnection } from './keyset-connection.ts';
import { settledBy } from './proved-answer.ts';
import type { ForwardedAnswer, ProofFile, UpstreamOptions, VerifiedUpstream } from './upstream.ts';

/** @throws {ClientError} when the service is not authentic or not wanted. */
export async function openAciUpstream(url: URL, options: UpstreamOptions = {}): Promise<VerifiedUpstream> {
  const { dialer } = options;
  const tls = dialer === undefined || url.protocol !== 'https:' ? null : await keysetConnection(url, options, dialer);
  const agent = await connect(url, tls === null ? options : { ...options, fetch: tls.fetch });

  const proofOf = async (receiptId: string, held: Reservation | undefined): Promise<ProofFile> => {
    const answer = await agent.fetch(new URL(`bundles/${encodeURIComponent(receiptId)}`, withSlash(url)));
    if (!answer.ok)
      throw new ClientError(
        'client/receipt-missing',
        `expected the bundle of receipt ${receiptId}, got status ${answer.status}; do not rely on the answer`,
      );
    const bytes = await contentOf(answer, MAX_BUNDLE_BYTES, held);
    const verdict = await bundleVerdict(bytes, agentOptions(options));
    if (verdict.outcome !== 'accepted')
      throw new ClientError(
        'client/proof-refused',
        `the bundle of receipt ${receiptId} is ${verdict.outcome} (${reasonOf(verdict)}); do not rely on the answer`,
        { details: { verdict } },
      );
    return { id: receiptId, bytes, summary: verdict.scope };
  };

  return {
    kind: 'aci/1',
    url,
    paths: TASK_PATHS,
    get verdict() {
      const { verdict, report } = agent.attested;
      const tlsKey = tls?.pin() ?? null;
      const why = tls === null ? 'its TLS key cannot be seen from here' : 'its keyset lists no TLS key';
      const sealedTo = { algorithm: 'ohttp', publicKey: report.keysetDigest };
      return withChannel(verdict, { tlsKey, sealedTo, unpinned: tlsKey === null ? why : null });
    },
    async forward(request: Request, held?: Reservation): Promise<ForwardedAnswer> {
      const { pathname, search } = new URL(request.url);
      const body = request.method === 'GET' || request.method === 'HEAD' ? null : await requestBody(request);
      const target = new URL(pathname.slice(1) + search, withSlash(url));
      const response = await agent.fetch(target, {
        method: request.method,
        headers: forwarded(request.headers),
        body,
        signal: request.signal,
      });
      const receiptId = response.headers.get('x-receipt-id');
      if (receiptId === null || response.body === null) return { response, proof: Promise.resolve(null) };
      return settledBy(response, () => proofOf(receiptId, held), held);
    },
  };
}

/**
 * Work for the agent, and nothing that spends or changes it: every program on this machine can use the key of the proxy, and that must not sign a transaction.
 */
const TASK_PATHS = ['/api/process', '/api/tasks', '/api/v1/audits', '/api/v1/builds'];

const NOT_FORWARDED = new Set(['connection', 'content-length', 'host', 'keep-alive', 'transfer-encoding', 'accept-encoding']);

/** The caller's own bearer token is for the proxy, unless the upstream needs one: then it is the configured key (ConnectOptions.apiKey). */
function forwarded(headers: Headers): Headers {
  const kept = new Headers();
  for (const [name, value] of headers) if (!NOT_FORWARDED.has(name) && name !== 'authorization') kept.set(name, value);
  return kept;
}
