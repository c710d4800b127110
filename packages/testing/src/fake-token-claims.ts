/**
 * Claims of sound tokens, one for each issuer, TEE and version of its names, in the shapes that the vendors document; all values are made up.
 * A test changes one claim and looks whether the verdict follows.
 */

import type { FakeTokenIssuer } from './fake-token.ts';

export interface FakeTokenCase {
  readonly name: string;
  readonly issuer: FakeTokenIssuer;
  readonly claims: Readonly<Record<string, unknown>>;
}

const NONCE = '5c'.repeat(32);
const HASH = '0d'.repeat(32);
const LONG = '1e'.repeat(48);

const certificates = {
  'x-nvidia-cert-status': 'valid',
  'x-nvidia-cert-ocsp-status': 'good',
  'x-nvidia-cert-revocation-reason': null,
};
const chain = { ...certificates, 'x-nvidia-cert-expiration-date': '2031-01-01T00:00:00Z' };

/** NVIDIA's steps for one GPU, version 3. */
const GPU_STEPS = {
  'x-nvidia-gpu-arch-check': true,
  'x-nvidia-gpu-attestation-report-cert-chain': chain,
  'x-nvidia-gpu-attestation-report-cert-chain-fwid-match': true,
  'x-nvidia-gpu-attestation-report-nonce-match': true,
  'x-nvidia-gpu-attestation-report-parsed': true,
  'x-nvidia-gpu-attestation-report-signature-verified': true,
  'x-nvidia-gpu-driver-rim-cert-chain': chain,
  'x-nvidia-gpu-driver-rim-fetched': true,
  'x-nvidia-gpu-driver-rim-measurements-available': true,
  'x-nvidia-gpu-driver-rim-schema-validated': true,
  'x-nvidia-gpu-driver-rim-version-match': true,
  'x-nvidia-gpu-vbios-index-no-conflict': true,
  'x-nvidia-gpu-vbios-rim-cert-validated': true,
  'x-nvidia-gpu-vbios-rim-signature-verified': true,
  'x-nvidia-mismatch-measurement-records': null,
  'x-nvidia-attestation-warning': null,
};

const GPU = {
  sub: 'NVIDIA-GPU-ATTESTATION',
  eat_nonce: NONCE.toUpperCase(),
  hwmodel: 'GH100 A01 GSP BROM',
  oemid: '5703',
  ueid: '41',
  secboot: true,
  dbgstat: 'disabled',
};

const TDX = {
  attester_type: 'TDX',
  attester_tcb_status: 'UpToDate',
  attester_tcb_date: '2026-01-14T00:00:00Z',
  attester_advisory_ids: [],
  attester_runtime_data: { nonce: NONCE, debug: true, 'keyserver-error': 'none of ours' },
  dbgstat: 'disabled',
  tdx_is_debuggable: false,
  tdx_td_attributes_debug: false,
  tdx_td_attributes_septve_disable: true,
  tdx_td_attributes_perfmon: false,
  tdx_collateral: { fmspc: '00', qeidcrlhash: HASH, tcbinfocrlhash: HASH, tcbevaluationdatanumber: 18 },
  tdx_mrtd: LONG,
  tdx_report_data: '2f'.repeat(64),
};

const INTEL = { eat_profile: 'https://portal.trustauthority.intel.com/eat_profile.html', intuse: 'generic', ver: '2.0.0' };

const AZURE_SNP = {
  'x-ms-attestation-type': 'sevsnpvm',
  'x-ms-compliance-status': 'azure-compliant-cvm',
  'x-ms-runtime': {
    keys: [{ kid: 'HCLAkPub', key_ops: ['sign'] }],
    'vm-configuration': { 'secure-boot': true, 'tpm-enabled': true },
  },
  'x-ms-sevsnpvm-is-debuggable': false,
  'x-ms-sevsnpvm-launchmeasurement': LONG,
  'x-ms-sevsnpvm-migration-allowed': false,
  'x-ms-sevsnpvm-reportdata': '3a'.repeat(64),
  'x-ms-sevsnpvm-smt-allowed': true,
  'x-ms-sevsnpvm-vmpl': 0,
};

/** @example for (const { issuer, claims } of FAKE_TOKENS) await fakeToken(issuer, claims); */
export const FAKE_TOKENS: readonly FakeTokenCase[] = [
  {
    name: 'NVIDIA, version 1',
    issuer: 'nras',
    claims: {
      ...GPU,
      measres: 'comparison-successful',
      'x-nvidia-ver': '1.0',
      'x-nvidia-attestation-detailed-result': {
        'x-nvidia-gpu-driver-rim-schema-fetched': true,
        'x-nvidia-gpu-measurements-match': true,
        'x-nvidia-gpu-nonce-match': true,
        'x-nvidia-mismatch-indexes': [],
        'x-nvidia-mismatch-measurement-records': [],
      },
    },
  },
  {
    name: 'NVIDIA, one GPU, version 3',
    issuer: 'nras',
    claims: { ...GPU, ...GPU_STEPS, measres: 'success', 'x-nvidia-ver': '3.0' },
  },
  {
    name: 'NVIDIA, overall',
    issuer: 'nras',
    claims: {
      sub: 'NVIDIA-PLATFORM-ATTESTATION',
      eat_nonce: NONCE,
      'x-nvidia-overall-att-result': true,
      submods: { 'GPU-0': ['DIGEST', ['SHA-256', HASH]] },
      'x-nvidia-ver': '3.0',
    },
  },
  {
    name: 'NVIDIA, a switch, version 4',
    issuer: 'nras',
    claims: {
      eat_nonce: NONCE,
      hwmodel: 'LS_10 A01 FSP BROM',
      measres: 'success',
      secboot: true,
      dbgstat: 'disabled-since-boot',
      'x-nvidia-switch-arch-check': 'LS10',
      'x-nvidia-switch-attestation-report-nonce-match': true,
      'x-nvidia-switch-bios-rim-cert-chain': { ...chain, 'x-nvidia-cert-ocsp-nonce-matches': true },
      'x-nvidia-switch-bios-rim-signature-verified': true,
      'x-nvidia-mismatch-opaque-data-records': null,
    },
  },
  { name: 'Intel, TDX', issuer: 'intel', claims: { ...INTEL, tdx: TDX, policy_ids_matched: null, policy_ids_unmatched: null } },
  {
    name: 'Intel, TDX with a GPU',
    issuer: 'intel',
    claims: {
      ...INTEL,
      tdx: TDX,
      nvgpu: { ...GPU, measres: 'success', 'x-nvidia-attestation-detailed-result': GPU_STEPS },
      policy_ids_matched: [{ id: 'a', version: 'v1', hash: 'AA' }],
    },
  },
  {
    name: 'Intel, SGX, names not nested',
    issuer: 'intel',
    claims: {
      ...INTEL,
      attester_type: 'SGX',
      attester_tcb_status: 'UpToDate',
      attester_tcb_date: '2026-01-14T00:00:00Z',
      attester_held_data: 'AQAB',
      dbgstat: 'disabled',
      sgx_is_debuggable: false,
      sgx_mrenclave: HASH,
      sgx_mrsigner: HASH,
      verifier_nonce: { val: 'XFxcXA==', iat: 'MjAyNg==', signature: 'AAAA' },
    },
  },
  {
    name: 'Intel, first generation',
    issuer: 'intel',
    claims: {
      iss: 'AS Attestation Token Issuer',
      amber_sgx_is_debuggable: false,
      amber_sgx_mrenclave: HASH,
      amber_tcb_status: 'OK',
      amber_trust_score: 10,
      amber_matched_policy_ids: ['a'],
      amber_unmatched_policy_ids: [],
      amber_tee_held_data: 'AQAB',
    },
  },
  {
    name: 'Azure, SGX, 2022',
    issuer: 'azure',
    claims: {
      'x-ms-attestation-type': 'sgx',
      'x-ms-sgx-is-debuggable': false,
      'x-ms-sgx-mrenclave': HASH,
      'x-ms-sgx-mrsigner': HASH,
      'x-ms-sgx-collateral': { qeidcrlhash: HASH, tcbinfocrlhash: HASH },
      'x-ms-runtime': { error: 'said by the client', debug: true },
    },
  },
  {
    name: 'Azure, SGX, 2020',
    issuer: 'azure',
    claims: { tee: 'sgx', 'is-debuggable': false, 'sgx-mrenclave': HASH, 'sgx-mrsigner': HASH, svn: 0, 'maa-ehd': 'AQAB' },
  },
  {
    name: 'Azure, SNP machine',
    issuer: 'azure',
    claims: {
      'x-ms-attestation-type': 'azurevm',
      secureboot: true,
      'x-ms-azurevm-bootdebug-enabled': false,
      'x-ms-azurevm-dbvalidated': true,
      'x-ms-azurevm-dbxvalidated': true,
      'x-ms-azurevm-debuggersdisabled': true,
      'x-ms-azurevm-default-securebootkeysvalidated': true,
      'x-ms-azurevm-elam-enabled': false,
      'x-ms-azurevm-flightsigning-enabled': false,
      'x-ms-azurevm-hvci-policy': 0,
      'x-ms-azurevm-hypervisordebug-enabled': false,
      'x-ms-azurevm-kerneldebug-enabled': false,
      'x-ms-azurevm-signingdisabled': true,
      'x-ms-azurevm-testsigning-enabled': false,
      'x-ms-isolation-tee': AZURE_SNP,
      'x-ms-runtime': { 'client-payload': { nonce: 'XFxcXFxcXFw=', 'last-error': 'said by the client' } },
    },
  },
  {
    name: 'Azure, TDX machine',
    issuer: 'azure',
    claims: { 'x-ms-attestation-type': 'tdxvm', 'x-ms-compliance-status': 'azure-compliant-cvm', ...TDX },
  },
  {
    name: 'Google, Confidential Space',
    issuer: 'google',
    claims: {
      aud: 'https://relying.example',
      attester_tcb: ['INTEL'],
      dbgstat: 'disabled-since-boot',
      eat_nonce: ['first-nonce', 'second-nonce'],
      hwmodel: 'GCP_INTEL_TDX',
      secboot: true,
      swname: 'CONFIDENTIAL_SPACE',
      tdx: { gcp_attester_tcb_status: 'UpToDate', gcp_attester_tcb_date: '2024-03-13T00:00:00Z' },
      submods: {
        confidential_space: { support_attributes: ['LATEST', 'STABLE'], monitoring_enabled: { memory: false } },
        container: {
          image_digest: `sha256:${HASH}`,
          env: { DEBUG: 'true', LAST_ERROR: 'none of ours' },
          args: ['--fail-fast'],
        },
        gce: { instance_name: 'debug-failed-1' },
        nvidia_gpu: { cc_mode: 'ON' },
      },
    },
  },
  {
    name: 'Veraison',
    issuer: 'ear',
    claims: {
      eat_nonce: 'XFxcXFxcXFxcXFw_',
      'ear.verifier-id': { developer: 'example.org', build: 'no build' },
      submods: {
        PSA_IOT: {
          'ear.status': 'affirming',
          'ear.trustworthiness-vector': { executables: 2, hardware: 2, configuration: 0, 'runtime-opaque': -1 },
          'ear.veraison.annotated-evidence': { 'psa-client-id': 1, 'psa-security-lifecycle': 12288 },
        },
      },
    },
  },
  {
    name: 'Trustee',
    issuer: 'ear',
    claims: {
      eat_profile: 'tag:github.com,2024:confidential-containers/Trustee',
      submods: {
        cpu0: {
          'ear.status': 'affirming',
          'ear.trustworthiness-vector': { executables: 3, hardware: 2, configuration: 2 },
          'ear.veraison.annotated-evidence': {
            tdx: {
              td_attributes: { debug: false, septve_disable: true },
              tcb_status: 'UpToDate',
              tcb_date: '2026-01-14T00:00:00Z',
              advisory_ids: [],
              collateral_expiration_status: '0',
              uefi_event_logs: [{ details: { string: 'debug=on failed' }, error: 'in a log' }],
            },
            init_data_claims: { debug: true },
            runtime_data_claims: { nonce: 'XFxcXFxcXFw=', error: 'said by the guest' },
          },
        },
      },
    },
  },
];
