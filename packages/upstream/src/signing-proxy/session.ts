/**
 * Sessions with services that sign their answers inside a TEE: RedPill, NEAR AI, the dstack vLLM proxy. Each model's report is verified
 * before a prompt for it leaves, and each answer's signature over the exact bytes on the wire.
 *
 * Where the report binds the service's TLS key and the platform can see it, every connection with a prompt must show it; with `sealed`,
 * prompts are encrypted to the attested signing key as well. Where neither holds, the party that terminates TLS can read prompts; `limits` says so.
 */

import type { NamedClaims } from '@assay/attestation/model/claims';
import { readPieces, toReadableStream } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import { concatBytes } from '@assay/encoding/bytes';
import { type AttestedService, originOf, send, verifyFresh } from '../attested-service.ts';
import { bindChannel } from '../channel.ts';
import { UpstreamError } from '../errors.ts';
import {
  type AcceptedEvidence,
  type AttestedSession,
  type ClearExchange,
  isAccepted,
  type Opening,
  type ServiceKind,
  type SessionAnswer,
  type SessionRequest,
  type SignedAnswer,
} from '../session.ts';
import { fetchSignature } from './answer-signature.ts';
import { sealChat } from './e2ee/sealed-chat.ts';
import { type ReportedKeys, reportedKeys } from './report.ts';

export interface SigningProxyKind {
  readonly name: string;
  readonly domains: readonly string[];
  /** When to ask for a report that binds the TLS key: `on-demand` when the channel must be `bound`, for services behind a gateway. */
  readonly tlsKey: 'always' | 'on-demand';
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const OPEN_CONNECTION =
  'That no third party reads prompts on the way: the report vouches for the key that signs answers, not for the connection.';

/** A service at `domains` that is verified as a signing proxy. */
export function signingProxy({ name, domains, tlsKey }: SigningProxyKind): ServiceKind {
  return {
    name,
    domains,
    scope: 'model',
    open: (service, model) => openProxy(service, model, tlsKey === 'always' || service.channel === 'bound'),
  };
}

async function openProxy(service: AttestedService, model: string, askTlsKey: boolean): Promise<Opening> {
  // NEAR listens to the one name, the dstack proxy to the other; who knows neither leaves the key out.
  const tlsForm = askTlsKey ? { include_tls_fingerprint: 'true', version: '2' } : {};
  const pathFor = (nonce: string): string => `/v1/attestation/report?${new URLSearchParams({ model, nonce, ...tlsForm })}`;
  const evidence = await verifyFresh(service, pathFor);
  if (!isAccepted(evidence)) return { outcome: 'refused', evidence };
  const keys = reportedKeys(evidence.result.claims);
  if (keys === null)
    throw new UpstreamError(
      'service/address-missing',
      `expected a report that binds a signing address, got one that binds none; ${service.base} cannot prove its answers`,
    );
  return { outcome: 'verified', session: new SigningSession(service, model, evidence, keys) };
}

class SigningSession implements AttestedSession {
  readonly verifier = 'assay signing-proxy/1';
  readonly vouching = 'signed';
  readonly model: string;
  readonly origin: string;
  readonly evidence: AcceptedEvidence;
  readonly node: AttestedSession['node'];
  readonly identity: AttestedSession['identity'];
  readonly signer: AttestedSession['signer'];
  readonly channel: AttestedSession['channel'];
  readonly limits: readonly string[];
  /** The service over the connections that the report allows. */
  readonly #service: AttestedService;
  readonly #keys: ReportedKeys;

  constructor(service: AttestedService, model: string, evidence: AcceptedEvidence, keys: ReportedKeys) {
    const { algorithm, publicKey, addresses, tlsKey, node } = keys;
    const sealedTo = service.channel === 'sealed' && publicKey !== null ? { algorithm, publicKey } : null;
    const { channel, fetch } = bindChannel(service, { tlsKey, sealedTo });
    const { 'app-id': appId }: NamedClaims['identity'] = node.identity;
    const address = `${algorithm === 'ecdsa' ? '0x' : ''}${addresses[0] ?? ''}`;
    this.model = model;
    this.origin = originOf(service);
    this.evidence = evidence;
    this.node = node;
    this.identity = {
      ...{ signing_address: address, signing_algo: algorithm, signing_addresses: addresses },
      ...(appId === undefined ? {} : { app_id: appId }),
    };
    this.signer = { algorithm, address };
    this.channel = channel;
    this.limits = channel.tlsKey === null && channel.sealedTo === null ? [OPEN_CONNECTION] : [];
    this.#service = { ...service, fetch };
    this.#keys = keys;
  }

  get(path: string, signal?: AbortSignal): Promise<Response> {
    return send(this.#service, { fetch: this.#service.fetch, path, signal });
  }

  async forward({ path, body, signal, held }: SessionRequest): Promise<SessionAnswer> {
    const { fetch, now } = this.#service;
    const [route = ''] = path.split('?', 1);
    const sealed = this.channel.sealedTo === null ? null : await sealChat(this.#keys, route, body, now());
    const sent = sealed?.body ?? body;
    const response = await send(this.#service, { fetch, path, signal, body: sent, headers: sealed?.headers });
    if (!response.ok || response.body === null) return { response, prove: null };
    if (sealed === null) return { response, prove: (exchange) => this.#prove(exchange) };
    const wire: Uint8Array[] = [];
    const opened = sealed.open({ headers: response.headers, body: kept(response.body, { wire, held }) });
    const { status, headers } = response;
    return {
      response: new Response(toReadableStream(opened), { status, headers }),
      prove: () => this.#prove({ sent, received: concatBytes(...wire) }), // the signature is over the sealed bytes
    };
  }

  async #prove(wire: ClearExchange): Promise<SignedAnswer> {
    const { model } = this;
    const { nonce, report, endorsements, verifiedAt } = this.evidence;
    const { chatId, signature, document } = await fetchSignature(this.#service, { model, ...this.#keys }, wire);
    const proof = {
      ...{ service: this.origin, model, time: verifiedAt, nonce, report, endorsements, signature: document },
      request: { hash: signature.requestHash, bytes: wire.sent },
      response: { hash: signature.responseHash, bytes: wire.received },
    };
    return { type: 'signed', chatId, signature, proof };
  }
}

/** The pieces as they arrive; they stay in `wire`. @throws {UpstreamError} `service/refused` for more than 64 MiB. */
async function* kept(
  body: ReadableStream<Uint8Array>,
  { wire, held }: { readonly wire: Uint8Array[]; readonly held: Reservation | undefined },
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of readPieces(body)) {
    length += piece.length;
    if (length > MAX_ANSWER_BYTES)
      throw new UpstreamError(
        'service/refused',
        `expected an answer of at most ${MAX_ANSWER_BYTES} bytes, got more; ask for less`,
      );
    held?.grow(piece.length);
    wire.push(piece);
    yield piece;
  }
}
