/** The attested upstream that the settings name, with what it is verified by: policy, a simulator's root, collateral. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import {
  AttestationError,
  collectEndorsements,
  DEFAULT_POLICY,
  type Endorsements,
  POLICY_PRESETS,
  type Policy,
  type PolicyPreset,
  parsePolicy,
  resolveTrust,
  type Trust,
} from '@assay/attestation';
import type { CachedAnswer, EndorsementCache } from '@assay/attestation/endorsements';
import { createTlsDialer, type TlsDialerOptions } from '@assay/channel/tls';
import { EncodingError } from '@assay/encoding/errors';
import { decodePem } from '@assay/encoding/pem';
import { type AttestedService, serviceKind } from '@assay/upstream';
import type { ModelConfig } from '../../config.ts';
import { ServerError } from '../../errors.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { createAttestedUpstream } from './attested-upstream.ts';

const MAX_CACHED = 256;

/** Providers that run in TEEs, with the kind of service they are verified as. */
const KINDS: Partial<Record<ModelConfig['provider'], string>> = { redpill: 'redpill', near: 'near-ai', tinfoil: 'tinfoil' };

/**
 * @returns `null` for providers without a TEE.
 * @throws {ServerError} `config/unreadable`, `config/bad-value` for the files that settings name.
 */
export function attestedUpstreamOf(config: ModelConfig, now: () => number): Upstream | null {
  const { provider: name, base, apiKey, model: defaultModel, timeoutMs } = config;
  const kind = KINDS[name];
  if (kind === undefined) return null;
  const { simulatedRoot, pccs, collateral, channel } = config.attestation;
  const simulator = simulatedRoot === null ? {} : read('ASSAY_UPSTREAM_SIMULATED_ROOT', () => simulatorIn(simulatedRoot));
  const policy = read('ASSAY_UPSTREAM_POLICY', () => policyOf(config.attestation.policy));
  const dialer = createTlsDialer({ ...authoritiesOf(config.attestation.authorities), silenceMs: 0 });
  const service: AttestedService = {
    ...{ base: base.replace(/\/v1$/, ''), apiKey, fetch: dialer.open, dialer, channel, now, sleep },
    policy,
    trust: simulator,
    endorsements: collateral === null ? [] : read('ASSAY_UPSTREAM_COLLATERAL', () => filesIn(collateral)),
    collateral: { cache: memoryCache(), ...(pccs === null ? {} : { services: { intel: pccs } }) },
  };
  return createAttestedUpstream({ name, base, apiKey, defaultModel, timeoutMs, kind: serviceKind(kind), service });
}

/** Authorities beside the known ones. */
function authoritiesOf(path: string | null): TlsDialerOptions {
  if (path === null) return {};
  const added = read('ASSAY_UPSTREAM_AUTHORITIES', () => {
    const pem = readFileSync(path, 'utf8');
    decodePem(pem); // a file without certificates would silently add nothing
    return pem;
  });
  return { authorities: [...rootCertificates, added].join('\n') };
}

function policyOf(setting: string | null): Policy {
  if (setting === null) return DEFAULT_POLICY;
  if (Object.hasOwn(POLICY_PRESETS, setting)) return POLICY_PRESETS[setting as PolicyPreset];
  return parsePolicy(new Uint8Array(readFileSync(setting)));
}

function simulatorIn(path: string): Trust {
  const trust = { simulatedRoot: new Uint8Array(readFileSync(path)) };
  resolveTrust(trust); // a file without one root is noticed at start
  return trust;
}

function filesIn(directory: string): Endorsements {
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return collectEndorsements(files.map(({ name }) => ({ name, bytes: new Uint8Array(readFileSync(join(directory, name))) })));
}

function read<Value>(setting: string, load: () => Value): Value {
  try {
    return load();
  } catch (cause) {
    if (ServerError.is(cause)) throw cause;
    const readable = AttestationError.is(cause) || EncodingError.is(cause);
    const message = `${setting}: ${(cause as Error).message}; name a file this agent can read and understand`;
    throw new ServerError(readable ? 'config/bad-value' : 'config/unreadable', message, { cause });
  }
}

/** Vendor answers of this process; the oldest goes first. */
function memoryCache(): EndorsementCache {
  const kept = new Map<string, CachedAnswer>();
  return {
    get: (key) => Promise.resolve(kept.get(key) ?? null),
    put: (key, answer) => {
      if (kept.size >= MAX_CACHED) kept.delete(kept.keys().next().value ?? '');
      kept.set(key, answer);
      return Promise.resolve();
    },
  };
}
