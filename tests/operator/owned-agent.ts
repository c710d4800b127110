/** A started agent under an operator manifest, and owners who sign for it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ohttpKey, sealMessage, X25519 } from '@assay/channel';
import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import {
  bytesOf,
  type Hex,
  hexOf,
  type OwnerFields,
  type OwnerMessage,
  ownerMessageHash,
  typedDataOf,
  valueHash,
} from '@assay/operator';
import { privateKeyToAccount } from 'viem/accounts';
import { onTestFinished } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

export const OWNERS = ['22', '33', '44'].map((byte) => privateKeyToAccount(`0x${byte.repeat(32)}`));
export const OWNER_ADDRESSES = OWNERS.map(({ address }) => address.toLowerCase() as Hex);
export const API_KEY = 'the-key-of-the-clients';

/** Public key of the python-ecdsa key 11…11. */
export const OPERATOR_PUBLIC_KEY =
  '4f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1';

export const MANIFEST = {
  v: 'assay-operator/1',
  name: 'my-agent',
  owners: { addresses: OWNER_ADDRESSES, threshold: 2 },
  variables: {
    anthropic_api_key: { signers: 'one' },
    openrouter_api_key: {},
    secret_token: {},
    greeting: { default: 'hello', visibility: 'public' },
    fixed: { visibility: 'public', mutability: 'immutable' },
  },
};

/** Takes the seed's messages, too. */
export const COMPATIBLE = {
  ...MANIFEST,
  owners: { addresses: OWNER_ADDRESSES, threshold: 1 },
  compatibility: { operator_public_key: OPERATOR_PUBLIC_KEY },
};

/** python-ecdsa, key 11…11, over `my-agent;update_variables;anthropic_api_key;sk-proj-f-1;2`. */
export const LEGACY_SIGNATURE =
  '8ee4f934678f35d37109f9d046e4d12686a2093fd10d96b29ad1f70f7d1e8198e62cfe1b8a079ed52fb219274f0440a6aa197bb42b851a38fb3819b4c4be11eb';

/** Members of `GET /api/v1/config` that tests look at. */
export interface ConfigBody {
  readonly tee_name: string;
  readonly tee_public_key: Hex;
  readonly operator_pubkey: string | null;
  readonly code_attestation: string;
  readonly agent_id: Hex;
  readonly wallet: { readonly address: Hex | null; readonly kept: boolean; readonly kms_ciphertext: string | null };
  readonly manifest_digest: Hex;
  readonly control: {
    readonly owners: { readonly version: number; readonly change_hash: Hex };
    readonly policy: { readonly policy_hash: Hex; readonly version: number; readonly change_hash: Hex };
    readonly paused: { readonly version: number; readonly change_hash: Hex; readonly paused: boolean };
  };
  readonly variables: readonly { readonly name: string; readonly version: number; readonly change_hash: Hex }[];
  readonly keyset_digest: string;
  readonly nonce: string;
  readonly report: {
    readonly attestation: {
      readonly workload_keyset: {
        readonly subject: string;
        readonly receipt_signing_keys: readonly { readonly algo: string; readonly public_key: string }[];
        readonly e2ee_public_keys: Parameters<typeof ohttpKey>[0];
      };
    };
  };
}

export interface OwnedAgent {
  readonly agent: RunningAgent;
  readonly url: string;
  readonly directory: string;
  request(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<{ status: number; body: unknown }>;
  config(): Promise<ConfigBody>;
  /** The events of a receipt. */
  events(receiptId: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface OwnedAgentOptions {
  readonly manifest?: object;
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly now?: () => number;
}

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-operator-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Opens the operator's routes of such agents. */
export const OPERATOR_KEY = 'the-key-of-their-operator';

export async function startOwnedAgent(options: OwnedAgentOptions = {}): Promise<OwnedAgent> {
  const { manifest = MANIFEST, directory = temporary(), environment = {}, now } = options;
  const file = join(directory, 'operator.json');
  writeFileSync(file, JSON.stringify(manifest));
  const agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: join(directory, 'data'),
      ASSAY_LOG_LEVEL: 'silent',
      ASSAY_API_KEY: API_KEY,
      ASSAY_OPERATOR_KEY: OPERATOR_KEY,
      ASSAY_OPERATOR_MANIFEST: file,
      AI_PROVIDER: 'recorded',
      ...environment,
    }),
    now === undefined ? {} : { clock: { now } },
  );
  onTestFinished(() => agent.close());
  const request = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${agent.url}${path}`, init);
  return {
    agent,
    url: agent.url,
    directory,
    request,
    post: async (path, body, headers = {}) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
      const response = await request(path, init);
      return { status: response.status, body: await response.json() };
    },
    config: async () => (await (await request('/api/v1/config')).json()) as ConfigBody,
    events: async (receiptId) => {
      const response = await request(`/v1/aci/receipts/${receiptId}`, { headers: { authorization: `Bearer ${API_KEY}` } });
      const body = (await response.json()) as { readonly receipt?: { event_log: [] }; readonly event_log?: [] };
      return body.receipt?.event_log ?? body.event_log ?? [];
    },
  };
}

/** Signatures of the first `count` owners. */
export function signedBy(message: OwnerMessage, count: number): Promise<Hex[]> {
  return Promise.all(OWNERS.slice(0, count).map((owner) => owner.signTypedData(typedDataOf(message) as never)));
}

export interface ChangeOptions {
  readonly count?: number;
  readonly fields?: Partial<OwnerFields<'SetVariable'>>;
}

/** One entry of `variables`, sealed when hidden, for the state that `config` shows. */
export async function variableEntry(config: ConfigBody, name: string, value: string, options: ChangeOptions = {}) {
  const { count = 2, fields: given = {} } = options;
  const declared = (MANIFEST.variables as Record<string, { visibility?: 'public'; mutability?: 'immutable' }>)[name] ?? {};
  const current = config.variables.find((variable) => variable.name === name);
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const fields: OwnerFields<'SetVariable'> = {
    agentId: config.agent_id,
    name,
    visibility: declared.visibility ?? 'hidden',
    mutability: declared.mutability ?? 'mutable',
    valueHash: valueHash(salt, value),
    version: (current?.version ?? 0) + 1,
    previousHash: current?.change_hash ?? `0x${'00'.repeat(32)}`,
    policyHash: config.control.policy.policy_hash,
    expiry: Math.floor(Date.now() / 1000) + 600,
    ...given,
  };
  const message: OwnerMessage = { type: 'SetVariable', fields };
  const signatures = await signedBy(message, count);
  if (fields.visibility === 'public') return { message, signatures, value, salt: hexOf(salt) };
  const { publicKey } = ohttpKey(config.report.attestation.workload_keyset.e2ee_public_keys);
  const about = { info: utf8('assay operator value/1'), additionalData: bytesOf(ownerMessageHash(message)) };
  const { encapsulated, ciphertext } = await sealMessage(X25519, publicKey, about, concatBytes(salt, utf8(value)));
  return {
    message,
    signatures,
    sealed: { encapsulated: encodeBase64(encapsulated), ciphertext: encodeBase64(ciphertext) },
  };
}
