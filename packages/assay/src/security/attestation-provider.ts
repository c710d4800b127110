/** Attestations of sessions with an agent or `assay mock-tee`, and the binding of its answers, under the names of seed 003. */

import { isJsonObject, type JsonObject, parseJson } from '@assay/encoding/json';
import { type ApiSecurityConfig, bindingDigest, ModelError, type ProviderType, parseSecurityConfig } from '@assay/models';
import { createWire } from '../channel/wire.ts';
import { contentOf, MAX_ANSWER_BYTES, refusalOf } from '../connection/answer-content.ts';
import { withSlash } from '../connection/attestation.ts';
import { ClientError } from '../errors.ts';
import type { AttestationVerifier, ModelIdentityClaim, SessionAttestation } from './attestation-verifier.ts';

/** Where a provider is reached. */
export interface AttestationProviderConfig {
  /** The agent, or `assay mock-tee`. */
  readonly url: string | URL;
  readonly fetch?: typeof fetch | undefined;
}

/** One place that attests: an agent, or `assay mock-tee`. */
export interface AttestationProvider {
  readonly type: ProviderType;
  /**
   * An attestation for the nonce, unverified.
   * @throws {ClientError} `client/agent-unreachable`, `client/agent-refused`, `client/attestation-malformed` when another provider or model answers.
   */
  generateAttestation(model: ModelIdentityClaim | null, nonce: string): Promise<SessionAttestation>;
}

/**
 * @throws {ModelError} `security/bad-config` without an address.
 * @example createAttestationProvider('sgx', { url: 'http://127.0.0.1:8080' })
 */
export function createAttestationProvider(type: ProviderType, { url, fetch }: AttestationProviderConfig): AttestationProvider {
  if (!URL.canParse(String(url)))
    throw new ModelError(
      'security/bad-config',
      `expected the address of an agent in url, got ${JSON.stringify(String(url))}; start one with assay mock-tee`,
    );
  return {
    type,
    generateAttestation: async (model, nonce) => {
      const bytes = new TextEncoder().encode(JSON.stringify({ nonce }));
      const answer = await createWire(fetch)({
        url: new URL('attestation/create', withSlash(new URL(url))),
        sealed: { bytes, mediaType: 'application/json' },
      });
      if (!answer.ok) throw await refusalOf(answer);
      const session = parseJson(await contentOf(answer, MAX_ANSWER_BYTES));
      if (!isJsonObject(session) || !isJsonObject(session.attestation) || !isJsonObject(session.model_identity))
        throw malformed('a session', 'other JSON');
      const { provider_type: found } = session.attestation;
      if (found !== type) throw malformed(`provider ${type}`, String(found));
      if (model?.name !== undefined && session.model_identity.name !== model.name)
        throw malformed(`model ${model.name}`, String(session.model_identity.name));
      return session as unknown as SessionAttestation;
    },
  };
}

function malformed(expected: string, got: string): ClientError {
  return new ClientError(
    'client/attestation-malformed',
    `expected ${expected}, got ${got.slice(0, 80)}; is this an agent with that provider?`,
  );
}

/** An answer of `POST /inference`. */
export interface ApiTranscript {
  readonly transcript_id: string;
  readonly attestation_hash: string;
  readonly model_hash: string;
  readonly binding: JsonObject;
}

/** The provider's answer to a transcript that was bound to an attestation. */
export interface BoundTranscript {
  readonly transcriptId: string;
  readonly status: 'valid' | 'invalid';
  readonly reasons: readonly string[];
  readonly attestationHash: string;
  readonly modelHash: string;
}

/**
 * Holds answers to the session that they name, as they come. The file of `GET /evidence/bundle` then proves it to others.
 * @example const { status } = await new SecureAPIBinder({ verifier }).bindTranscript(answer, { name: 'gpt2' }, session);
 */
export class SecureAPIBinder {
  readonly #config: ApiSecurityConfig;
  readonly #verifier: AttestationVerifier | null;
  readonly #now: () => number;
  readonly #bound = new Set<string>();
  readonly #verified = new Map<string, readonly string[]>();

  constructor(
    options: { readonly config?: ApiSecurityConfig; readonly verifier?: AttestationVerifier; readonly now?: () => number } = {},
  ) {
    this.#config = options.config ?? parseSecurityConfig('{}');
    this.#verifier = options.verifier ?? null;
    this.#now = options.now ?? Date.now;
  }

  /** @param session what {@link AttestationProvider.generateAttestation} gave for this session. */
  async bindTranscript(
    transcript: ApiTranscript,
    model: ModelIdentityClaim | null,
    session: SessionAttestation,
  ): Promise<BoundTranscript> {
    const { requireAttestation, verifyOnBind, maxBindingAgeSeconds } = this.#config.bindingPolicy;
    const attestationHash = bindingDigest(session.attestation);
    const { hash: modelHash, ...fields } = session.model_identity;
    const reasons: string[] = [];
    if (transcript.attestation_hash !== attestationHash) reasons.push('the answer names another attestation');
    if (transcript.model_hash !== modelHash || modelHash !== bindingDigest(fields as JsonObject))
      reasons.push('the answer names another model');
    for (const [name, wanted] of Object.entries(model ?? {}))
      if (wanted !== undefined && session.model_identity[name] !== wanted)
        reasons.push(`the session is about another model: ${name}`);
    if (transcript.binding.nonce !== session.attestation.nonce) reasons.push('the answer names another nonce');
    if (this.#bound.has(transcript.transcript_id)) reasons.push('the transcript was bound before');
    const age = this.#now() - Date.parse(String(session.attestation.timestamp));
    if (!(age <= maxBindingAgeSeconds * 1000)) reasons.push(`the attestation is older than ${maxBindingAgeSeconds} s`);
    if (requireAttestation || verifyOnBind) reasons.push(...(await this.#attested(session, attestationHash)));
    this.#bound.add(transcript.transcript_id);
    return {
      transcriptId: transcript.transcript_id,
      status: reasons.length === 0 ? 'valid' : 'invalid',
      reasons,
      attestationHash,
      modelHash: String(modelHash),
    };
  }

  /** Verified once a session. */
  async #attested(session: SessionAttestation, hash: string): Promise<readonly string[]> {
    if (this.#verifier === null) return ['the policy asks for an attestation, and no verifier was given'];
    const known = this.#verified.get(hash);
    if (known !== undefined) return known;
    const { failures } = await this.#verifier.verifyAttestation(session, null, String(session.attestation.nonce));
    const reasons = failures.map(({ reason, detail }) => `${reason}: ${detail}`);
    this.#verified.set(hash, reasons);
    return reasons;
  }
}
