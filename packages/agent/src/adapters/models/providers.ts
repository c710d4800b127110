/**
 * The model providers, one row each. All of them are reached through OpenAI's chat protocol; a row says where, with which key
 * and with which of the protocol's dialects.
 *
 * `redpill`, `near` and `tinfoil` run in TEEs and are verified before a prompt leaves (adapters/upstreams/attested.ts). What the others are
 * sent they see in clear, and receipts mark their answers `unverified`.
 */

export interface Provider {
  /** Name for people. */
  readonly title: string;
  readonly base: string;
  readonly defaultModel: string | null;
  /** Settings that may hold the key, beside `AI_API_KEY`. */
  readonly keySettings: readonly string[];
  readonly needsKey: boolean;
  readonly defaultKey: string | null;
  /** Name of the member that bounds the answer's length. */
  readonly maxTokensName: 'max_tokens' | 'max_completion_tokens';
  /** Turns the base URL a user gave into the one that `/chat/completions` follows. */
  completeBase(given: string): string;
}

const versioned = (given: string): string =>
  /\/v[0-9]+(beta[0-9]*)?(\/|$)/.test(new URL(given).pathname) ? given : `${given}/v1`;

export const PROVIDERS = {
  ollama: {
    title: 'Ollama',
    base: 'http://127.0.0.1:11434/v1',
    defaultModel: 'gemma3:4b',
    keySettings: [],
    needsKey: false,
    defaultKey: 'ollama',
    maxTokensName: 'max_tokens',
    completeBase: versioned,
  },
  openai: {
    title: 'OpenAI',
    base: 'https://api.openai.com/v1',
    defaultModel: 'gpt-4.1-mini',
    keySettings: ['OPENAI_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_completion_tokens',
    completeBase: versioned,
  },
  openrouter: {
    title: 'OpenRouter',
    base: 'https://openrouter.ai/api/v1',
    defaultModel: null,
    keySettings: ['OPENROUTER_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: versioned,
  },
  anthropic: {
    title: 'Anthropic',
    base: 'https://api.anthropic.com/v1',
    defaultModel: null,
    keySettings: ['ANTHROPIC_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: versioned,
  },
  gemini: {
    title: 'Gemini',
    base: 'https://generativelanguage.googleapis.com/v1beta/openai',
    defaultModel: null,
    keySettings: ['GEMINI_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: (given: string): string => (new URL(given).pathname === '/' ? `${given}/v1beta/openai` : given),
  },
  redpill: {
    title: 'RedPill',
    base: 'https://api.redpill.ai/v1',
    defaultModel: 'phala/gemma-3-27b-it',
    keySettings: ['REDPILL_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: versioned,
  },
  near: {
    title: 'NEAR AI',
    base: 'https://cloud-api.near.ai/v1',
    defaultModel: null,
    keySettings: ['NEAR_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: versioned,
  },
  tinfoil: {
    title: 'Tinfoil',
    base: 'https://inference.tinfoil.sh/v1',
    defaultModel: null,
    keySettings: ['TINFOIL_API_KEY'],
    needsKey: true,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: versioned,
  },
  custom: {
    title: 'OpenAI-compatible endpoint',
    base: 'http://127.0.0.1:8080/v1',
    defaultModel: null,
    keySettings: [],
    needsKey: false,
    defaultKey: null,
    maxTokensName: 'max_tokens',
    completeBase: (given: string): string => given,
  },
} as const satisfies Readonly<Record<string, Provider>>;

export type ProviderName = keyof typeof PROVIDERS;

/** Variables that hold the key of one provider. */
export type ProviderKey = (typeof PROVIDERS)[ProviderName]['keySettings'][number];
