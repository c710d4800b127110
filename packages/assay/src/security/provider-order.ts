/**
 * Attests with the providers of a configuration in their order: the next one is asked only where one does not answer. An answer that is not what
 * was asked for ends it: a provider that gives a bad answer must not choose which one comes next.
 */

import { type CodedError, isCoded } from '@assay/encoding/coded-error';
import { type ApiSecurityConfig, ModelError, type ProviderType, providersInOrder } from '@assay/models';
import { ClientError } from '../errors.ts';
import { createAttestationProvider } from './attestation-provider.ts';
import type { ModelIdentityClaim, SessionAttestation } from './attestation-verifier.ts';

/** An attestation, unverified, and who gave it. */
export interface OrderedAttestation {
  readonly type: ProviderType;
  readonly session: SessionAttestation;
  /** Providers that came first and did not answer. */
  readonly passedOver: readonly { readonly type: ProviderType; readonly error: CodedError }[];
}

/** What `attestInOrder` asks each provider for. */
export interface ProviderOrderOptions {
  readonly model: ModelIdentityClaim | null;
  readonly nonce: string;
  readonly fetch?: typeof fetch | undefined;
}

/**
 * The attestation of the first provider that answers: the default one first, then by priority. Each one has its address in `config.url`. Verify it under
 * the same configuration: its thresholds hold for every provider.
 * @throws {ModelError} `security/bad-config` without an enabled provider, or for one without an address, before anything is sent.
 * @throws {ClientError} `client/agent-unreachable` when none answers; what {@link createAttestationProvider} throws for an answer that is another one.
 * @example
 * const { type, session } = await attestInOrder(config, { model: { name: 'gpt2' }, nonce });
 * const { valid } = await new AttestationVerifier({ config, trust }).verifyAttestation(session, { name: 'gpt2' }, nonce);
 */
export async function attestInOrder(
  config: ApiSecurityConfig,
  { model, nonce, fetch }: ProviderOrderOptions,
): Promise<OrderedAttestation> {
  const providers = providersInOrder(config).map(({ type, config: own }) =>
    createAttestationProvider(type, { url: typeof own.url === 'string' ? own.url : '', fetch }),
  );
  if (providers.length === 0)
    throw new ModelError('security/bad-config', 'expected an enabled provider in tee_providers, got none; enable one');
  const passedOver: { readonly type: ProviderType; readonly error: CodedError }[] = [];
  for (const provider of providers) {
    try {
      return { type: provider.type, session: await provider.generateAttestation(model, nonce), passedOver };
    } catch (error) {
      if (!isCoded(error) || !isSilent(error)) throw error;
      passedOver.push({ type: provider.type, error });
    }
  }
  const reasons = passedOver.map(({ type, error }) => `${type}: ${error.code}`).join(', ');
  throw new ClientError(
    'client/agent-unreachable',
    `expected one of ${passedOver.length} providers to answer, got ${reasons}; start one, or check its url`,
    { cause: passedOver.at(-1)?.error },
  );
}

/** Nothing came, or the word that nothing comes now (HTTP 5xx). */
function isSilent({ kind, details }: CodedError): boolean {
  return kind === 'unavailable' || (typeof details.status === 'number' && details.status >= 500);
}
