/** Every setting of the agent, one row each. What rows mean together is in `config.ts`; docs/settings.md is printed from here. */

import { availableParallelism } from 'node:os';
import { PROVIDERS, type ProviderKey, type ProviderName } from '../adapters/models/providers.ts';
import type { HostRule } from '../tasks/network-hosts.ts';
import { allowedOrigins } from './allowed-origins.ts';
import { parseNetworkRule } from './network-rule.ts';
import { parseOllamaHost } from './ollama-host.ts';
import { choice, databaseUrl, decimal, type Setting, secret, text, url, whole } from './setting.ts';

const PROVIDER_NAMES = Object.keys(PROVIDERS) as ProviderName[];
const KEY_OVER = '`AI_API_KEY` comes first';

const providerKeys = Object.fromEntries(
  Object.values(PROVIDERS).flatMap(({ title, keySettings }) =>
    keySettings.map((name) => [name, text({ fallback: null, doc: `key of ${title}; ${KEY_OVER}` })]),
  ),
) as Readonly<Record<ProviderKey, Setting<string | null>>>;

export const AGENT_SETTINGS = {
  AGENT_HOST: text({
    pattern: /^[A-Za-z0-9.:_-]+$/,
    expected: 'a host name or address',
    fallback: '127.0.0.1',
    doc: 'address to listen on; beyond this machine only together with `ASSAY_API_KEY`',
  }),
  AGENT_PORT: whole({ fallback: 8000, least: 0, most: 65_535, doc: 'port; `0` takes a free one' }),
  ASSAY_API_KEY: secret({
    least: 16,
    doc: 'key that clients must send: the first one, which may do everything; `assay keys` adds others (docs/keys.md)',
  }),
  ASSAY_OPERATOR_KEY: secret({
    least: 16,
    doc: "key for the operator's own routes (`/api/operator/…`), different from `ASSAY_API_KEY`; without it they are closed. `assay operator` verifies the agent, then sends the key sealed; other clients send it over HTTPS",
  }),
  ASSAY_OPERATOR_MANIFEST: text({
    pattern: /^[^\0]+$/,
    expected: 'a file',
    fallback: null,
    doc: 'operator manifest (docs/operator.md): opens `/api/v1/…`; its digest stands in the attested keyset, so another file is another agent',
  }),
  ASSAY_KMS_URL: url({
    byDefault: "the region's own",
    doc: "where AWS KMS answers, for a manifest with `kms` (docs/operator.md): the enclave's way to it. HTTPS",
  }),
  ASSAY_KMS_CIPHERTEXT: text({
    pattern: /^[A-Za-z0-9+/]{1,8192}={0,2}$/,
    expected: 'base64',
    fallback: null,
    byDefault: '`kms-secret.txt` in the data directory',
    doc: "the operator's secret as KMS sealed it at the first start, no secret itself; `wallet.kms_ciphertext` of `/api/v1/config` shows it. For enclaves, which keep no files",
  }),
  ASSAY_KMS_FIRST_START: choice({
    choices: ['off', 'on'],
    fallback: 'off',
    doc: '`on`: a start without a sealed secret makes a new wallet under the KMS key; `off`: it is refused (`operator/secret-missing`). A sealed secret that is there is used either way',
  }),
  AWS_ACCESS_KEY_ID: text({
    pattern: /^[\x21-\x7e]{1,128}$/,
    expected: 'an access key id',
    fallback: null,
    doc: 'credentials for KMS',
  }),
  AWS_SECRET_ACCESS_KEY: secret({ least: 16, doc: 'credentials for KMS' }),
  AWS_SESSION_TOKEN: secret({ least: 1, doc: 'of temporary credentials for KMS' }),
  ASSAY_KEY_HOURS: whole({
    fallback: 168,
    least: 1,
    most: 4320,
    doc: 'how long a keyset lives; the next one is made ahead of its end',
  }),
  ASSAY_KEY_OVERLAP_MINUTES: whole({
    fallback: 30,
    least: 1,
    most: 10_080,
    doc: "how long the keys of a replaced keyset still open requests; at most half of a keyset's life",
  }),
  ASSAY_PUBLIC_URL: url({ doc: 'origin under which clients reach the agent, when it stands behind a proxy' }),
  ASSAY_REPLICA_URL: url({
    byDefault: 'where it listens',
    doc: 'origin under which other agents on the same database reach this one, to hand on requests that are sealed to its keys (docs/store.md)',
  }),
  ASSAY_ALLOWED_ORIGINS: {
    parse: allowedOrigins,
    fallback: [],
    accepts: '`https://app.example,…`',
    byDefault: 'none',
    doc: "web pages of other addresses that may use the agent (`connect()` in their browsers); only together with `ASSAY_API_KEY`, never for the operator's routes",
  } satisfies Setting<readonly string[]>,
  ASSAY_TLS: choice({
    choices: ['off', 'enclave'],
    fallback: 'off',
    doc: '`enclave`: HTTPS under a key made in the enclave; its hash stands in the attested keyset, clients pin it',
  }),
  ASSAY_UPSTREAMS: choice({
    choices: ['any', 'verified'],
    fallback: 'any',
    doc: '`verified`: prompts go to attested upstreams only; others are refused',
  }),
  ASSAY_DATA_DIR: text({
    pattern: /^[^\0]+$/,
    expected: 'a directory',
    fallback: '.assay',
    doc: 'store, log keys, workspaces, simulated root; closed to other users at every start (mode 0700), refused where that cannot be done',
  }),
  ASSAY_COMPILERS_DIR: text({
    pattern: /^[^\0]+$/,
    expected: 'a directory',
    fallback: null,
    byDefault: '`compilers` in the data directory',
    doc: 'where the Solidity compilers are that `assay solc add` installed',
  }),
  ASSAY_ANALYZER_DIR: text({
    pattern: /^[^\0]+$/,
    expected: 'a directory',
    fallback: null,
    byDefault: 'the data directory',
    doc: 'where the image is that analyses contracts, from `assay sandbox install --lane slither`',
  }),
  DATABASE_URL: databaseUrl({
    doc: 'PostgreSQL that many agents share: log, receipts, tasks and jobs stand there, and each agent answers for all; they need one log key (`log-key.json` of the data directory). Without it: the embedded store of one agent',
  }),
  AI_PROVIDER: choice({
    choices: [...PROVIDER_NAMES, 'embedded', 'recorded'],
    anyCase: true,
    fallback: null,
    byDefault: 'by the other settings, see below',
    doc: 'who runs the model; `embedded`: this machine, `recorded`: demos from a transcript, see below',
  }),
  AI_API_BASE: url({ byDefault: 'of the provider', doc: 'base URL before `/chat/completions`' }),
  OLLAMA_URL: url({ doc: 'base URL of Ollama; `AI_API_BASE` comes first' }),
  OLLAMA_HOST: {
    parse: parseOllamaHost,
    fallback: null,
    accepts: 'host, `host:port`, URL',
    byDefault: 'none',
    doc: "where Ollama listens, as Ollama's own tools read it; `OLLAMA_URL` comes first",
  } satisfies Setting<string | null>,
  OPENAI_BASE_URL: url({
    doc: "base URL of an OpenAI-compatible endpoint, as OpenAI's tools read it; `AI_API_BASE` comes first",
  }),
  REDPILL_API_URL: url({ doc: 'base URL of RedPill; `AI_API_BASE` comes first' }),
  AI_API_KEY: text({ fallback: null, doc: 'key of the provider' }),
  ...providerKeys,
  AI_MODEL: text({
    fallback: null,
    byDefault: 'of the provider; for `custom` the first that the endpoint lists, for `embedded` the first that was fetched',
    doc: 'model name; for `embedded` also the path of a GGUF file',
  }),
  OLLAMA_MODEL: text({ fallback: null, doc: 'model name for Ollama; `AI_MODEL` comes first' }),
  AI_TEMPERATURE: decimal({
    fallback: 0.3,
    least: 0,
    most: 2,
    doc: "the model's temperature; an embedded model writes programs at 0, further attempts at 0.7 and 1",
  }),
  AI_MAX_TOKENS: whole({ fallback: 2000, least: 1, most: 1_000_000, doc: 'longest reply of the model' }),
  ASSAY_MODEL_SECONDS: whole({ fallback: 120, least: 1, most: 3600, doc: 'longest time for one reply' }),
  ASSAY_UPSTREAM_POLICY: text({
    fallback: null,
    byDefault: 'default policy',
    doc: 'preset or policy file a provider with a TEE (`redpill`, `near`, `tinfoil`) must meet before a prompt goes to it',
  }),
  ASSAY_PCCS_URL: url({
    byDefault: "Intel's service",
    doc: "where collateral for its quotes is fetched: a PCCS, or Intel's PCS v4",
  }),
  ASSAY_UPSTREAM_COLLATERAL: text({ fallback: null, doc: 'folder of collateral at hand, for agents without a way out' }),
  ASSAY_UPSTREAM_SIMULATED_ROOT: text({
    fallback: null,
    doc: "PEM of a simulator's root to accept for the provider; everything under it stays marked as simulated",
  }),
  ASSAY_UPSTREAM_CHANNEL: choice({
    choices: ['any', 'bound', 'sealed'],
    fallback: 'any',
    doc: 'how the way to such a provider must end in its TEE, see below',
  }),
  ASSAY_UPSTREAM_AUTHORITIES: text({
    fallback: null,
    doc: "PEM of certificate authorities to accept for the provider's address, in addition to the known ones",
  }),
  ASSAY_RECORDED_FILE: text({ fallback: null, byDefault: 'shipped', doc: 'transcript of recorded answers' }),
  ASSAY_MIN_ISOLATION: choice({
    choices: ['reduced', 'wasm', 'ns'],
    fallback: 'wasm',
    doc: 'weakest sandbox that may run code; below it nothing starts',
  }),
  ASSAY_SANDBOX_LANE: choice({
    choices: ['auto', 'linux-ns', 'landlock', 'wasm'],
    fallback: 'auto',
    doc: 'sandbox to try first; it never lowers the minimum',
  }),
  ASSAY_SANDBOX_CONCURRENCY: whole({
    fallback: availableParallelism(),
    byDefault: 'cores',
    least: 1,
    most: 256,
    doc: 'jobs at the same time',
  }),
  ASSAY_SANDBOX_SECONDS: whole({ fallback: 30, least: 1, most: 300, doc: 'wall time of a run that sets none' }),
  ASSAY_SANDBOX_MEMORY_MB: whole({ fallback: 512, least: 32, most: 65_536, doc: 'memory of a run that sets none' }),
  ASSAY_SANDBOX_ALLOW: {
    parse: parseNetworkRule,
    fallback: { mode: 'requested', hosts: [] },
    accepts: '`none`, `requested`, `host:port,…`',
    byDefault: '`requested`',
    doc: 'which hosts code may reach, see below',
  } satisfies Setting<HostRule>,
  ASSAY_ATTESTER: choice({
    choices: [
      'auto',
      'nitro',
      'configfs-tsm',
      'dstack',
      'tappd',
      'gramine',
      'vendor',
      'simulated',
      'simulated-nitro',
      'simulated-sgx',
      'simulated-sev',
      'simulated-vendor',
    ],
    fallback: 'auto',
    doc: 'which TEE attests; one that is asked for and not there stops the start',
  }),
  ASSAY_GPU_EVIDENCE: choice({
    choices: ['auto', 'required', 'off'],
    fallback: 'auto',
    doc: "NVIDIA GPUs attest next to a hardware TEE: `auto` where NVIDIA's `nvattest` is on the PATH, `required`: the agent starts with them only",
  }),
  ASSAY_ENCLAVE_NETWORK: choice({
    choices: ['off', 'gvproxy', 'vsock'],
    fallback: 'off',
    doc: 'how an agent inside a Nitro enclave gets a network: through gvproxy on the parent instance, or by vsock alone, without a way out (docs/deploy.md)',
  }),
  ASSAY_HOST_KEYS: choice({
    choices: ['off', 'on'],
    fallback: 'off',
    doc: '`on`: an agent with such a network takes keys from its parent instance at the start: `ASSAY_API_KEY`, `ASSAY_OPERATOR_KEY`, `AI_API_KEY`, and for KMS `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `ASSAY_KMS_CIPHERTEXT`, `ASSAY_KMS_FIRST_START`; nothing else',
  }),
  ASSAY_MODEL_VERSION: text({
    fallback: null,
    doc: 'version of the model as you know it; stands in the model identity of transcripts',
  }),
  ASSAY_VENDOR_KEY: text({
    fallback: null,
    doc: "PEM file of a vendor's private key, Ed25519 or P-256: the agent then attests by signed commitments",
  }),
  ASSAY_VENDOR_NAME: text({
    fallback: null,
    pattern: /^[\x20-\x7e]{1,128}$/,
    expected: '1 to 128 printable ASCII characters',
    doc: 'the vendor that commitments name',
  }),
  ASSAY_VERSION_FLOOR: text({
    pattern: /^(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){2}$/,
    expected: 'a version of three numbers',
    fallback: null,
    byDefault: "the agent's own version",
    doc: 'oldest version that may take over the keys of this agent (docs/deploy.md); an older agent on the same data directory or store is refused (`version/below-floor`). It never lowers a floor that stands',
  }),
  ASSAY_SOURCE_REPOSITORY: url({ doc: 'where the running code came from; goes into reports as `source_provenance`' }),
  ASSAY_SOURCE_COMMIT: text({
    pattern: /^[0-9a-f]{40}([0-9a-f]{24})?$/,
    expected: 'a git commit of 40 or 64 lower-case hex characters',
    fallback: null,
    doc: 'its commit',
  }),
  ASSAY_IMAGE_DIGEST: text({
    pattern: /^sha256:[0-9a-f]{64}$/,
    expected: 'sha256: and 64 lower-case hex characters',
    fallback: null,
    doc: 'digest of the image that runs',
  }),
  DSTACK_SIMULATOR_ENDPOINT: text({
    fallback: null,
    expected: 'URL or socket path',
    doc: "dstack guest agent's simulator; everything it attests is marked simulated",
  }),
  TAPPD_SIMULATOR_ENDPOINT: text({
    fallback: null,
    expected: 'URL or socket path',
    doc: 'the same for the older guest agent, tappd',
  }),
  ASSAY_MAX_BODY_MB: whole({
    fallback: 48,
    least: 1,
    most: 90,
    doc: 'longest request; those being read hold at most 192 MiB together',
  }),
  ASSAY_MAX_TASKS: whole({ fallback: 64, least: 1, most: 10_000, doc: 'tasks at the same time' }),
  ASSAY_RATE_LIMIT: whole({
    fallback: null,
    byDefault: '0 on loopback, else 600',
    least: 0,
    most: 1_000_000,
    doc: 'requests a minute and client that start work; 0 is no limit',
  }),
  ASSAY_LOG_LEVEL: choice({
    choices: ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    fallback: 'info',
    doc: 'what the agent logs; logs never hold prompts, code or keys',
  }),
};
