/**
 * The agent's configuration, from the settings in `settings/agent-settings.ts`: parsed once at start, checked together, frozen. Every
 * bad value is an error that names the setting, what was expected and what to do; a secret's value is never repeated.
 */

import { join, resolve } from 'node:path';
import { isLoopbackName } from '@assay/channel';
import type { IsolationLevel, SandboxLane } from '@assay/receipt';
import type { ChannelDemand } from '@assay/upstream';
import { PROVIDERS, type Provider, type ProviderKey, type ProviderName } from './adapters/models/providers.ts';
import type { Environment } from './env-file.ts';
import { AGENT_SETTINGS } from './settings/agent-settings.ts';
import {
  problem,
  readSettings,
  type SettingProblem,
  type SettingValues,
  throwProblems,
  unknownSettings,
} from './settings/read-settings.ts';
import type { HostRule } from './tasks/network-hosts.ts';

/** Stands for the first model that an endpoint lists (`adapters/models/listed-models.ts`). */
export const UNNAMED_MODEL = 'unnamed';

export interface ModelConfig {
  readonly provider: ProviderName | 'recorded' | 'embedded';
  /** True when a setting named the provider, its endpoint or its key; only an unnamed one may give way to another. */
  readonly chosen: boolean;
  /** Base URL without a trailing slash; `/chat/completions` is appended. */
  readonly base: string;
  readonly apiKey: string | null;
  /** {@link UNNAMED_MODEL} when no setting names one and the provider has no default. */
  readonly model: string;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Milliseconds for one whole completion. */
  readonly timeoutMs: number;
  /** Transcript file for recorded answers; `null` takes the shipped one. */
  readonly recordedFile: string | null;
  /** How a provider with a TEE is verified. */
  readonly attestation: {
    /** Preset or policy file; `null` takes the default policy. */
    readonly policy: string | null;
    /** Base URL of Intel's collateral service or a PCCS; `null` takes Intel's. */
    readonly pccs: string | null;
    /** Folder of collateral at hand. */
    readonly collateral: string | null;
    /** PEM file of a simulator's root, whose evidence is accepted and marked for ever. */
    readonly simulatedRoot: string | null;
    readonly channel: ChannelDemand;
    /** PEM file of authorities whose certificates the provider's address may show, in addition to the known ones. */
    readonly authorities: string | null;
  };
}

/** The settings of an agent (docs/settings.md), checked and with their defaults. */
export interface Config {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute: where the Solidity compilers are. */
  readonly compilersDir: string;
  /** Absolute: the folder in which the image that analyses contracts is installed. */
  readonly analyzerDir: string;
  /** PostgreSQL that many agents share; `null`: the embedded store. */
  readonly databaseUrl: string | null;
  readonly apiKey: string | null;
  /** Opens the operator's routes and nothing else; `null` closes them. */
  readonly operatorKey: string | null;
  /** Absolute path of the operator manifest; `null` closes `/api/v1/…`. */
  readonly operatorManifest: string | null;
  /** For a manifest whose secret AWS KMS keeps. */
  readonly kms: {
    /** `null`: the region's own. */
    readonly url: string | null;
    readonly accessKeyId: string | null;
    readonly secretAccessKey: string | null;
    readonly sessionToken: string | null;
    /** Base64 of the sealed secret; `null`: it stands in the data directory. */
    readonly ciphertext: string | null;
    /** Whether a secret may be made where none is kept. */
    readonly firstStart: boolean;
  };
  /** A keyset's life, and how long the keys of a replaced one still open requests. */
  readonly keys: { readonly lifetimeSeconds: number; readonly overlapSeconds: number };
  /** How an agent inside a Nitro enclave gets its network. */
  readonly enclaveNetwork: 'off' | 'gvproxy' | 'vsock';
  /** The oldest version that may take over this agent's keys; `null`: its own. */
  readonly versionFloor: string | null;
  /** Origin under which clients reach the agent, without a trailing slash; `null` when only host and port are known. */
  readonly publicUrl: string | null;
  /** Origin at which other agents on the same database reach this one; `null`: where it listens. */
  readonly replicaUrl: string | null;
  /** Origins of web pages elsewhere that may use the agent. */
  readonly allowedOrigins: readonly string[];
  readonly model: ModelConfig;
  readonly sandbox: {
    readonly minIsolation: IsolationLevel;
    /** Lane to try first; it never lowers `minIsolation`. `null`: the strongest that works. */
    readonly prefer: SandboxLane | null;
    readonly concurrency: number;
    readonly network: HostRule;
    readonly wallMs: number;
    readonly memoryBytes: number;
  };
  /** `auto` takes the strongest TEE found. */
  readonly attester: string;
  /** Whether NVIDIA GPUs attest next to the CPU. */
  readonly gpuEvidence: 'auto' | 'required' | 'off';
  /** Signs commitments in place of a TEE; `null` without a vendor's key. */
  readonly vendor: { readonly keyFile: string | null; readonly name: string };
  /** As the operator says; `null` when the operator does not. */
  readonly modelVersion: string | null;
  /** Addresses of simulated guest agents, URLs or socket paths. */
  readonly guestSimulators: { readonly dstack: string | null; readonly tappd: string | null };
  /** Where the running code came from, as the operator says; goes into reports. */
  readonly source: { readonly repository: string | null; readonly commit: string | null; readonly imageDigest: string | null };
  readonly limits: {
    readonly bodyBytes: number;
    readonly tasks: number;
    /** Requests a minute and client that start work; 0 is no limit. */
    readonly ratePerMinute: number;
  };
  readonly logLevel: string;
  /** `enclave`: HTTPS under a key made at start and attested in the keyset; `off`: plain HTTP. */
  readonly tls: 'off' | 'enclave';
  /** Serve prompts through attested upstreams only (ACI §1.2). */
  readonly verifiedUpstreamsOnly: boolean;
  /** Things worth a line at start that are not errors, e.g. a misspelled setting. */
  readonly warnings: readonly string[];
}

const MIB = 1024 * 1024;
const PUBLIC_RATE_LIMIT = 600;

type Values = SettingValues<typeof AGENT_SETTINGS>;

/**
 * The configuration that an environment asks for.
 *
 * @throws {ServerError} `config/bad-value`, `config/missing-key` or `config/insecure-bind`; `details.problems` lists every problem
 * found as `{ setting, code, message }`, so that one start shows them all.
 * @example parseConfig({ AGENT_PORT: '0' }).port // 0
 */
export function parseConfig(environment: Environment): Config {
  const { values, problems } = readSettings(AGENT_SETTINGS, environment);
  throwProblems([...problems, ...modelProblems(values, problems), ...togetherProblems(values)]);
  const host = values.AGENT_HOST;
  return deepFreeze<Config>({
    host,
    port: values.AGENT_PORT,
    dataDir: resolve(values.ASSAY_DATA_DIR),
    analyzerDir: resolve(values.ASSAY_ANALYZER_DIR ?? values.ASSAY_DATA_DIR),
    compilersDir: resolve(values.ASSAY_COMPILERS_DIR ?? join(values.ASSAY_DATA_DIR, 'compilers')),
    databaseUrl: values.DATABASE_URL,
    apiKey: values.ASSAY_API_KEY,
    operatorKey: values.ASSAY_OPERATOR_KEY,
    kms: {
      url: values.ASSAY_KMS_URL,
      accessKeyId: values.AWS_ACCESS_KEY_ID,
      secretAccessKey: values.AWS_SECRET_ACCESS_KEY,
      sessionToken: values.AWS_SESSION_TOKEN,
      ciphertext: values.ASSAY_KMS_CIPHERTEXT,
      firstStart: values.ASSAY_KMS_FIRST_START === 'on',
    },
    operatorManifest: values.ASSAY_OPERATOR_MANIFEST === null ? null : resolve(values.ASSAY_OPERATOR_MANIFEST),
    keys: { lifetimeSeconds: values.ASSAY_KEY_HOURS * 3600, overlapSeconds: values.ASSAY_KEY_OVERLAP_MINUTES * 60 },
    enclaveNetwork: values.ASSAY_ENCLAVE_NETWORK,
    versionFloor: values.ASSAY_VERSION_FLOOR,
    publicUrl: values.ASSAY_PUBLIC_URL,
    replicaUrl: values.ASSAY_REPLICA_URL,
    allowedOrigins: values.ASSAY_ALLOWED_ORIGINS,
    model: modelConfig(values),
    sandbox: {
      minIsolation: values.ASSAY_MIN_ISOLATION,
      prefer: values.ASSAY_SANDBOX_LANE === 'auto' ? null : values.ASSAY_SANDBOX_LANE,
      concurrency: values.ASSAY_SANDBOX_CONCURRENCY,
      network: values.ASSAY_SANDBOX_ALLOW,
      wallMs: values.ASSAY_SANDBOX_SECONDS * 1000,
      memoryBytes: values.ASSAY_SANDBOX_MEMORY_MB * MIB,
    },
    attester: values.ASSAY_ATTESTER,
    gpuEvidence: values.ASSAY_GPU_EVIDENCE,
    modelVersion: values.ASSAY_MODEL_VERSION,
    vendor: { keyFile: values.ASSAY_VENDOR_KEY, name: values.ASSAY_VENDOR_NAME ?? 'unnamed' },
    guestSimulators: { dstack: values.DSTACK_SIMULATOR_ENDPOINT, tappd: values.TAPPD_SIMULATOR_ENDPOINT },
    source: {
      repository: values.ASSAY_SOURCE_REPOSITORY,
      commit: values.ASSAY_SOURCE_COMMIT,
      imageDigest: values.ASSAY_IMAGE_DIGEST,
    },
    limits: {
      bodyBytes: values.ASSAY_MAX_BODY_MB * MIB,
      tasks: values.ASSAY_MAX_TASKS,
      ratePerMinute:
        values.ASSAY_RATE_LIMIT ?? (isLoopback(host) && values.ASSAY_ENCLAVE_NETWORK === 'off' ? 0 : PUBLIC_RATE_LIMIT),
    },
    logLevel: values.ASSAY_LOG_LEVEL,
    tls: values.ASSAY_TLS,
    verifiedUpstreamsOnly: values.ASSAY_UPSTREAMS === 'verified',
    warnings: unknownSettings(AGENT_SETTINGS, environment, 'ASSAY_'),
  });
}

/**
 * True for addresses that only this machine can reach.
 * @example isLoopback('127.0.0.1') // true
 */
export function isLoopback(host: string): boolean {
  return isLoopbackName(host);
}

/** Settings that are wrong only together. */
function togetherProblems(values: Values): readonly SettingProblem[] {
  const {
    ASSAY_KEY_HOURS: hours,
    ASSAY_KEY_OVERLAP_MINUTES: overlap,
    ASSAY_API_KEY: key,
    ASSAY_OPERATOR_KEY: operator,
  } = values;
  const problems: SettingProblem[] = [];
  if (overlap * 2 > hours * 60) {
    const message = `expected at most half of ASSAY_KEY_HOURS, got ${overlap}; shorten it, or let keys live longer`;
    problems.push(problem('ASSAY_KEY_OVERLAP_MINUTES', 'config/bad-value', message));
  }
  if (operator !== null && operator === key) {
    const message = 'is the same as ASSAY_API_KEY; make another: openssl rand -hex 32';
    problems.push(problem('ASSAY_OPERATOR_KEY', 'config/bad-value', message));
  }
  if (values.ASSAY_ALLOWED_ORIGINS.length > 0 && key === null) {
    const message = 'opens this agent to web pages; set ASSAY_API_KEY (16 characters or more) as well, or leave it out';
    problems.push(problem('ASSAY_ALLOWED_ORIGINS', 'config/missing-key', message));
  }
  if (!isLoopback(values.AGENT_HOST) && key === null) {
    const message = 'reaches beyond this machine; set ASSAY_API_KEY (16 characters or more) as well, or bind 127.0.0.1';
    problems.push(problem('AGENT_HOST', 'config/insecure-bind', message));
  }
  if (values.ASSAY_ENCLAVE_NETWORK === 'vsock' && isLoopback(values.AGENT_HOST) && key === null) {
    const message =
      'hands connections from outside on to loopback; set ASSAY_API_KEY as well (ASSAY_HOST_KEYS=on takes it from the parent)';
    problems.push(problem('ASSAY_ENCLAVE_NETWORK', 'config/insecure-bind', message));
  }
  return problems;
}

/**
 * The provider that settings without `AI_PROVIDER` come to; `null` when they name none. One that is attested comes first, then one on
 * this machine or named by its address, and a key that opens a service elsewhere comes last.
 */
function impliedProvider(values: Values): ProviderName | null {
  if (values.REDPILL_API_KEY !== null) return 'redpill';
  if ([values.AI_API_BASE, values.OLLAMA_URL, values.OLLAMA_HOST, values.OLLAMA_MODEL].some((value) => value !== null))
    return 'ollama';
  if (values.OPENAI_BASE_URL !== null) return isOpenAi(values.OPENAI_BASE_URL) ? 'openai' : 'custom';
  return values.OPENAI_API_KEY === null ? null : 'openai';
}

/** A model that is not behind an address. */
const NO_ENDPOINT: Provider = { ...PROVIDERS.ollama, defaultModel: null, defaultKey: null };

const isOpenAi = (base: string): boolean => new URL(base).host === new URL(PROVIDERS.openai.base).host;

/** What the model's settings say, before it is known whether they suffice. */
function modelChoice(values: Values) {
  const named = values.AI_PROVIDER ?? impliedProvider(values);
  const provider = named ?? 'ollama';
  const row = provider === 'recorded' || provider === 'embedded' ? NO_ENDPOINT : PROVIDERS[provider];
  const base = values.AI_API_BASE ?? baseSettings(values)[provider] ?? null;
  const ownKey = row.keySettings.map((name) => values[name as ProviderKey]).find((key) => key !== null);
  // Only the address that came with it gets OpenAI's key.
  const openAiKey = provider === 'custom' && values.AI_API_BASE === null && base !== null ? values.OPENAI_API_KEY : null;
  return {
    provider,
    chosen: named !== null,
    row,
    base,
    apiKey: values.AI_API_KEY ?? ownKey ?? openAiKey ?? row.defaultKey,
    model: values.AI_MODEL ?? (provider === 'ollama' ? values.OLLAMA_MODEL : null) ?? row.defaultModel,
  };
}

/** Addresses in settings of one provider's own. */
function baseSettings(values: Values): { readonly [Name in ModelConfig['provider']]?: string | null } {
  return {
    ollama: values.OLLAMA_URL ?? values.OLLAMA_HOST,
    redpill: values.REDPILL_API_URL,
    openai: values.OPENAI_BASE_URL,
    custom: values.OPENAI_BASE_URL,
  };
}

/** What a provider needs and does not have. A provider that was misspelled is a problem already. */
function modelProblems(values: Values, found: readonly SettingProblem[]): readonly SettingProblem[] {
  const { provider, row, base, apiKey, model } = modelChoice(values);
  const named = new Set(found.map(({ setting }) => setting));
  if (provider === 'recorded' || provider === 'embedded' || named.has('AI_PROVIDER')) return [];
  const needed = `is needed with AI_PROVIDER=${provider}`;
  const problems: SettingProblem[] = [];
  if (provider === 'custom' && base === null && !named.has('AI_API_BASE'))
    problems.push(
      problem('AI_API_BASE', 'config/missing-key', `${needed}; set the base URL that ends before /chat/completions`),
    );
  if (row.needsKey && apiKey === null)
    problems.push(problem('AI_API_KEY', 'config/missing-key', `${needed}; set it, or ${row.keySettings.join(' or ')}`));
  if (model === null && provider !== 'custom')
    problems.push(problem('AI_MODEL', 'config/missing-key', `${needed}; set the model's name`));
  return problems;
}

function modelConfig(values: Values): ModelConfig {
  const { provider, chosen, row, base, apiKey, model } = modelChoice(values);
  return {
    provider,
    chosen,
    base: base === null ? row.base : row.completeBase(base),
    apiKey,
    model: model ?? UNNAMED_MODEL,
    temperature: values.AI_TEMPERATURE,
    maxTokens: values.AI_MAX_TOKENS,
    timeoutMs: values.ASSAY_MODEL_SECONDS * 1000,
    recordedFile: values.ASSAY_RECORDED_FILE,
    attestation: {
      policy: values.ASSAY_UPSTREAM_POLICY,
      pccs: values.ASSAY_PCCS_URL,
      collateral: values.ASSAY_UPSTREAM_COLLATERAL,
      simulatedRoot: values.ASSAY_UPSTREAM_SIMULATED_ROOT,
      channel: values.ASSAY_UPSTREAM_CHANNEL,
      authorities: values.ASSAY_UPSTREAM_AUTHORITIES,
    },
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
