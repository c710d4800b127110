/**
 * The JSON configuration of seed 003: which providers, in which order, under which thresholds. Unknown providers and members are errors: a
 * misspelled threshold would otherwise be one that is not in force.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';
import {
  AttestationPolicy,
  BindingPolicy,
  isAtLeast,
  PROVIDER_TYPES,
  type ProviderType,
  SECURITY_LEVELS,
  SecurityThresholds,
} from './levels.ts';

export interface ProviderSettings {
  readonly type: ProviderType;
  readonly enabled: boolean;
  /** Higher comes first. */
  readonly priority: number;
  /** The provider's own members, e.g. `url`. */
  readonly config: JsonObject;
}

/**
 * A security configuration as `parseSecurityConfig` reads it: providers, thresholds and what is demanded of attestation and
 * binding.
 */
export interface ApiSecurityConfig {
  readonly providers: readonly ProviderSettings[];
  readonly defaultProvider: ProviderType | null;
  readonly thresholds: SecurityThresholds;
  readonly attestationPolicy: AttestationPolicy;
  readonly bindingPolicy: BindingPolicy;
}

const MAX_BYTES = 1024 * 1024;
const PRESETS = ['strict', 'moderate', 'relaxed'] as const;

/**
 * @param file UTF-8 JSON with any of `tee_providers`, `default_provider`, `security_policy`, `security_thresholds`, `attestation_policy`, `binding_policy`.
 * @throws {ModelError} `security/bad-config`.
 * @example parseSecurityConfig(utf8('{"security_thresholds":{"min_security_level":"high"}}')).thresholds.minSecurityLevel // 'high'
 */
export function parseSecurityConfig(file: Uint8Array | string): ApiSecurityConfig {
  const root = new Members(jsonOf(file), 'the configuration');
  const preset = root.choice('security_policy', PRESETS) ?? 'strict';
  const base = SecurityThresholds[preset]();
  const config = {
    providers: providersOf(root.object('tee_providers')),
    defaultProvider: root.choice('default_provider', PROVIDER_TYPES),
    thresholds: thresholdsOf(root.object('security_thresholds'), base),
    attestationPolicy: attestationPolicyOf(root.object('attestation_policy'), preset),
    bindingPolicy: bindingPolicyOf(root.object('binding_policy'), preset),
  };
  root.end();
  return config;
}

/**
 * For development: every provider, simulated evidence allowed, relaxed thresholds. Signatures are verified all the same.
 * @example new AttestationVerifier({ config: createTestConfig(), trust })
 */
export function createTestConfig(): ApiSecurityConfig {
  return {
    providers: (['mock', 'sgx', 'sev', 'nitro', 'vendor'] as const).map((type, index) => ({
      type,
      enabled: true,
      priority: 10 - index,
      config: {},
    })),
    defaultProvider: 'mock',
    thresholds: SecurityThresholds.relaxed(),
    attestationPolicy: AttestationPolicy.relaxedPolicy(),
    bindingPolicy: BindingPolicy.relaxedPolicy(),
  };
}

/**
 * Enabled providers: the default one first, then by priority, then by name. The next one is tried when one does not answer.
 * @example for (const { type } of providersInOrder(parseSecurityConfig(text))) console.log(type)
 */
export function providersInOrder({ providers, defaultProvider }: ApiSecurityConfig): readonly ProviderSettings[] {
  const rank = ({ type, priority }: ProviderSettings): number =>
    type === defaultProvider ? Number.POSITIVE_INFINITY : priority;
  return providers
    .filter(({ enabled }) => enabled)
    .toSorted((a, b) => (rank(a) === rank(b) ? (a.type < b.type ? -1 : 1) : rank(b) - rank(a)));
}

function providersOf(members: Members | null): readonly ProviderSettings[] {
  if (members === null) return [];
  const list = members.names().map((name) => {
    const type = PROVIDER_TYPES.find((known) => known === name);
    if (type === undefined)
      throw bad(`one of ${PROVIDER_TYPES.join(', ')} in tee_providers`, JSON.stringify(name.slice(0, 40)));
    const own = members.object(name) ?? new Members({}, name);
    const settings = {
      type,
      enabled: own.flag('enabled') ?? true,
      priority: own.number('priority', 0, 1000) ?? 0,
      config: own.raw('config'),
    };
    own.end();
    return settings;
  });
  members.end();
  return list;
}

function thresholdsOf(members: Members | null, base: SecurityThresholds): SecurityThresholds {
  if (members === null) return base;
  const read = {
    minSecurityLevel: members.choice('min_security_level', SECURITY_LEVELS) ?? base.minSecurityLevel,
    maxAttestationAgeSeconds: members.number('max_attestation_age_seconds', 1, 604_800) ?? base.maxAttestationAgeSeconds,
    maxVerificationRetries: members.number('max_verification_retries', 0, 100) ?? base.maxVerificationRetries,
    requireCertificateChain: members.flag('require_certificate_chain') ?? base.requireCertificateChain,
    requireTcbUpToDate: members.flag('require_tcb_up_to_date') ?? base.requireTcbUpToDate,
    allowTestMode: members.flag('allow_test_mode') ?? base.allowTestMode,
    confidence: members.number('confidence', 0.5, 0.999_999) ?? base.confidence,
  };
  members.end();
  return read;
}

function attestationPolicyOf(members: Members | null, preset: (typeof PRESETS)[number]): AttestationPolicy {
  const base = preset === 'relaxed' ? AttestationPolicy.relaxedPolicy() : AttestationPolicy.defaultPolicy();
  if (members === null) return preset === 'moderate' ? { ...base, minSecurityLevel: 'medium', maxAgeSeconds: 7200 } : base;
  const providers = members.list('providers', PROVIDER_TYPES) ?? base.providers;
  const read = {
    minSecurityLevel: members.choice('min_security_level', SECURITY_LEVELS) ?? base.minSecurityLevel,
    maxAgeSeconds: members.number('max_age_seconds', 1, 604_800) ?? base.maxAgeSeconds,
    providers,
  };
  members.end();
  return read;
}

function bindingPolicyOf(members: Members | null, preset: (typeof PRESETS)[number]): BindingPolicy {
  const base = preset === 'relaxed' ? BindingPolicy.relaxedPolicy() : BindingPolicy.strictPolicy();
  if (members === null) return base;
  const read = {
    mode: members.choice('mode', ['tee_attestation', 'vendor_commitment'] as const) ?? base.mode,
    requireAttestation: members.flag('require_attestation') ?? base.requireAttestation,
    maxBindingAgeSeconds: members.number('max_binding_age', 1, 86_400) ?? base.maxBindingAgeSeconds,
    verifyOnBind: members.flag('verify_on_bind') ?? base.verifyOnBind,
    includeFullTranscript: members.flag('include_full_transcript') ?? base.includeFullTranscript,
  };
  members.end();
  return read;
}

/**
 * The stricter of both: what a verifier asks when thresholds and policy name a level and an age.
 * @example const asked = strictestOf(parseSecurityConfig(text))
 */
export function strictestOf({ thresholds, attestationPolicy }: Pick<ApiSecurityConfig, 'thresholds' | 'attestationPolicy'>) {
  const [a, b] = [thresholds.minSecurityLevel, attestationPolicy.minSecurityLevel];
  return {
    minSecurityLevel: isAtLeast(a, b) ? a : b,
    maxAgeSeconds: Math.min(thresholds.maxAttestationAgeSeconds, attestationPolicy.maxAgeSeconds),
  };
}

/** Reads members once each; what is left unread at the end is unknown. */
class Members {
  readonly #value: JsonObject;
  readonly #where: string;
  readonly #left: Set<string>;

  constructor(value: JsonObject, where: string) {
    this.#value = value;
    this.#where = where;
    this.#left = new Set(Object.keys(value));
  }

  names(): readonly string[] {
    return Object.keys(this.#value);
  }

  object(name: string): Members | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    if (isJsonObject(value)) return new Members(value, name);
    throw bad(`an object in ${name}`, typeof value);
  }

  raw(name: string): JsonObject {
    const value = this.#take(name) ?? {};
    if (isJsonObject(value)) return value;
    throw bad(`an object in ${name}`, typeof value);
  }

  choice<const T extends string>(name: string, among: readonly T[]): T | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    const found = among.find((each) => each === value);
    if (found !== undefined) return found;
    throw bad(`one of ${among.join(', ')} in ${name}`, JSON.stringify(value)?.slice(0, 40) ?? 'nothing');
  }

  list<const T extends string>(name: string, among: readonly T[]): readonly T[] | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    if (!Array.isArray(value)) throw bad(`a list in ${name}`, typeof value);
    return (value as readonly Json[]).map((item) => new Members({ [name]: item }, name).choice(name, among) as T);
  }

  flag(name: string): boolean | null {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'boolean') return value ?? null;
    throw bad(`true or false in ${name}`, JSON.stringify(value).slice(0, 40));
  }

  number(name: string, least: number, most: number): number | null {
    const value = this.#take(name);
    if (value === undefined) return null;
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw bad(`a number from ${least} to ${most} in ${name}`, JSON.stringify(value).slice(0, 40));
  }

  end(): void {
    const [first] = this.#left;
    if (first !== undefined) throw bad(`known members in ${this.#where}`, JSON.stringify(first.slice(0, 40)));
  }

  #take(name: string): Json | undefined {
    this.#left.delete(name);
    return this.#value[name];
  }
}

function jsonOf(file: Uint8Array | string): JsonObject {
  try {
    const value = parseJson(file, { maxBytes: MAX_BYTES });
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (!isCoded(cause)) throw cause;
    throw new ModelError(
      'security/bad-config',
      `expected a configuration in JSON, got something else (${cause.code}); mend the file`,
      { cause },
    );
  }
  throw bad('a configuration object', 'other JSON');
}

function bad(expected: string, got: string): ModelError {
  return new ModelError('security/bad-config', `expected ${expected}, got ${got}; mend the configuration`);
}
