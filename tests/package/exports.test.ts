/** What the packages for npm users (docs/releases.md) export is what these tables say: a new name is a decision, a lost one breaks somebody. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const { exports } = JSON.parse(readFileSync(new URL('../../packages/assay/package.json', import.meta.url), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
};

const valuesOf = async (name: string): Promise<readonly string[]> => Object.keys((await import(name)) as object).sort();

/** Subpaths of TEEs, by the word in their names, with the roots that are pinned. */
const TEES: Readonly<Record<string, readonly [word: string, ...roots: string[]]>> = {
  tdx: ['Tdx', 'INTEL_ROOTS'],
  sgx: ['Sgx', 'INTEL_ROOTS'],
  snp: ['Snp', 'AMD_ROOTS'],
  nitro: ['Nitro', 'AWS_NITRO_ROOTS'],
  nvidia: ['Nvidia', 'NVIDIA_DEVICE_ROOTS', 'NVIDIA_RIM_ROOTS'],
  dstack: ['Dstack'],
  tpm: ['Tpm'],
  token: ['Token', 'GOOGLE_ROOTS'],
  combined: ['Combined'],
};

/** What else stands on subpaths. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  policy: ['DEFAULT_POLICY', 'MODERATE_POLICY', 'RELAXED_POLICY', 'STRICT_POLICY', 'explain', 'parsePolicy', 'policyFrom'],
  receipt: [
    'RECEIPT_ERROR_KINDS',
    'ReceiptError',
    'authenticateBundle',
    'keysetDigest',
    'parseBundle',
    'parseCheckpoint',
    'parseKeyset',
    'parseReceipt',
    'parseReport',
    'redactBundle',
    'verifyBundle',
    'verifyCheckpoint',
    'verifyInclusion',
    'verifyLogProof',
    'verifyReceipt',
    'verifyReceiptSignature',
    'verifyReport',
  ],
  channel: [
    'CHANNEL_ERROR_KINDS',
    'ChannelError',
    'createSealedFetch',
    'ohttpKeys',
    'openMessage',
    'parseKeyConfigs',
    'sealMessage',
  ],
};

/** For the console and for tools of this repository, in addition to the above; no promise to others. */
const INTERNAL = ['contracts', 'owners', 'story'];

it('the subpaths are these', () => {
  const wanted = ['.', ...[...Object.keys(TEES), ...Object.keys(OTHERS), ...INTERNAL].map((name) => `./${name}`)];
  expect(Object.keys(exports).sort()).toEqual(wanted.sort());
});

describe.each(Object.entries(TEES))('assay/%s', (name, [word, ...roots]) => {
  it('exports what every TEE exports, and its pinned roots', async () => {
    const wanted = [...roots, `parse${word}`, `${name}Verifiers`, `verify${word}`];
    expect(await valuesOf(`assay/${name}`)).toEqual(wanted.sort());
  });

  it('reads and verifies nothing that is no evidence of it', async () => {
    const tee = (await import(`assay/${name}`)) as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
    const file = new TextEncoder().encode('no evidence');
    expect(() => tee[`parse${word}`]?.(file)).toThrow(expect.objectContaining({ code: 'evidence/unrecognised' }));
    expect(await tee[`verify${word}`]?.(file, { now: 0 })).toMatchObject({ outcome: 'malformed' });
  });
});

it.each(Object.entries(OTHERS))('assay/%s exports what the table says', async (name, wanted) => {
  expect(await valuesOf(`assay/${name}`)).toEqual([...wanted].sort());
});

it('assay/owners, which the console reads, exports these', async () => {
  expect(await valuesOf('assay/owners')).toMatchInlineSnapshot(`
    [
      "amountOf",
      "coinsOf",
      "explainPolicy",
      "hasWrongChecksum",
      "isAttestedAgent",
      "matchContent",
      "neededOwners",
      "ownerMessageHash",
      "ownersMessage",
      "parseOwnerMessage",
      "parseShownAgent",
      "parseShownTransactions",
      "parseSigningPolicy",
      "pauseMessage",
      "policyEntry",
      "policyHash",
      "recoverSigner",
      "refuseForeign",
      "signedPolicy",
      "signersOf",
      "typedDataHash",
      "typedDataOf",
      "variableEntry",
    ]
  `);
});

it('assay exports these', async () => {
  expect(await valuesOf('assay')).toMatchInlineSnapshot(`
    [
      "AIAttestationVerifier",
      "AttestationPolicy",
      "AttestationVerifier",
      "BindingPolicy",
      "CLIENT_ERROR_KINDS",
      "ClientError",
      "RESULT_MAX_AGE_SECONDS",
      "RESULT_TEE_TYPES",
      "SecureAPIBinder",
      "SecurityThresholds",
      "TalkClient",
      "UPSTREAM_KINDS",
      "attestInOrder",
      "auditIn",
      "buildIn",
      "claimsDocument",
      "connect",
      "createAttestationProvider",
      "createSealedFetch",
      "createTestConfig",
      "createVerifyingProxy",
      "openUpstream",
      "parseSecurityConfig",
      "verdictDocument",
      "verdictOf",
      "verify",
      "verifyAgent",
      "verifyBundle",
      "verifyFiles",
      "verifyProof",
      "verifyReceipt",
      "verifyReport",
      "verifyResultFile",
    ]
  `);
});

it('@assay/agent exports these', async () => {
  expect(await valuesOf('@assay/agent')).toMatchInlineSnapshot(`
    [
      "CATALOGUE",
      "CONSOLE_POLICY",
      "DEFAULT_COMPILERS",
      "EmbeddedModels",
      "LANES",
      "PROGRAMS",
      "RECOMMENDED_MODEL",
      "SANDBOX_ERROR_KINDS",
      "SERVER_ERROR_KINDS",
      "SandboxError",
      "ServerError",
      "acknowledgeLoss",
      "backupStore",
      "catalogueModel",
      "checkLog",
      "codeInImage",
      "consoleDirectory",
      "createModel",
      "detectAttester",
      "erasePayloads",
      "exportLog",
      "fetchModel",
      "findApplicationSecret",
      "findProgram",
      "installCompiler",
      "installNativeImage",
      "installProgram",
      "installSnapshot",
      "installWasmRuntime",
      "installedCompilers",
      "installedPackages",
      "installedPrograms",
      "isLoopback",
      "listModels",
      "loadConsole",
      "measureCode",
      "migrateStore",
      "openCompilers",
      "openNotary",
      "openReferenceEngine",
      "parseConfig",
      "readEnvironment",
      "removeModel",
      "replayExecution",
      "restoreStore",
      "rotateDataKey",
      "searchPath",
      "selectSandbox",
      "serve",
      "startAgent",
      "startMessage",
      "storeStatus",
      "surveyTee",
      "systemClock",
      "transcriptFromJson",
    ]
  `);
});

it('@assay/operator exports these', async () => {
  expect(await valuesOf('@assay/operator')).toMatchInlineSnapshot(`
    [
      "GAS_PER_BLOB",
      "MAX_MANIFEST_BYTES",
      "MAX_POLICY_BYTES",
      "MAX_VALUE_BYTES",
      "MOST_BLOBS",
      "MOST_OWNERS",
      "MOST_SIGNATURES",
      "NO_DELEGATE",
      "OPERATOR_ERROR_KINDS",
      "OWNER_DOMAIN",
      "OWNER_TYPES",
      "OperatorError",
      "SpendingWindow",
      "TOOLS_VARIABLE",
      "UNCHANGED",
      "ZERO_HASH",
      "acceptChange",
      "acceptControl",
      "addressOf",
      "addressOfKey",
      "addressSchema",
      "agentDocument",
      "agentId",
      "amongst",
      "amountOf",
      "answerText",
      "authorizationDigest",
      "authorizedSigners",
      "blobFeeOf",
      "bytesOf",
      "carriedBy",
      "checkSidecar",
      "checksummed",
      "coinsOf",
      "createdAddress",
      "decide",
      "decideSignature",
      "declaredVariable",
      "decodeArguments",
      "decodeSpending",
      "explainPolicy",
      "fitsReceivers",
      "hasWrongChecksum",
      "hash32Schema",
      "hexOf",
      "inTime",
      "initialControl",
      "isOneNode",
      "keccakOf",
      "legacySignatureId",
      "legacyText",
      "manifestDigest",
      "matchContent",
      "matchValue",
      "neededOwners",
      "ownerMessageHash",
      "parseManifest",
      "parseOwnerMessage",
      "parseSignedTransaction",
      "parseSigningPolicy",
      "parseTools",
      "parseTypedData",
      "personalDigest",
      "policyHash",
      "policySchema",
      "pythonStr",
      "recheckHistory",
      "recoverAnswerSigner",
      "recoverSigner",
      "refuseForeign",
      "refuseMisplaced",
      "secondNodeOf",
      "seedAnswerText",
      "selectorOf",
      "serializeSigned",
      "signDigest",
      "signatureSchema",
      "signedPolicy",
      "signersOf",
      "transactionDigest",
      "typedAddressSchema",
      "typedDataHash",
      "typedDataOf",
      "underRule",
      "unsetVariable",
      "valueHash",
      "verifyLegacyMessage",
      "versionedHashes",
      "withSidecar",
    ]
  `);
});

it.each(['agent', 'operator'])('@assay/%s has no subpaths', (folder) => {
  const manifest = readFileSync(new URL(`../../packages/${folder}/package.json`, import.meta.url), 'utf8');
  expect(Object.keys((JSON.parse(manifest) as { readonly exports: object }).exports)).toEqual(['.']);
});
