/**
 * Claims of Microsoft Azure Attestation in the API of 2022 and, with bare names, of 2020; SGX enclaves, SNP and TDX confidential VMs, TPMs.
 * Source: Microsoft Learn, "Claim sets", "EAT profile for TDX", "Guest attestation for confidential VMs".
 */

import { CARRIED, DEBUG, named, oneOf, PLAIN, type Vocabulary } from './meaning.ts';

export const AZURE_CLAIMS: Vocabulary = {
  ...named(
    [
      ...['x-ms-sgx-is-debuggable', 'x-ms-sevsnpvm-is-debuggable', 'x-ms-tdx-is-debuggable', 'x-ms-tdxvm-is-debuggable'],
      ...['is-debuggable', '$is-debuggable', 'isdebuggable', 'is_debuggable'],
    ],
    DEBUG,
  ),
  'x-ms-compliance-status': {
    kind: 'finding',
    good: (value) => typeof value === 'string' && value.startsWith('azure-compliant-'),
    expected: 'azure-compliant-cvm',
    id: 'token.compliance',
  },
  'x-ms-azurevm-signingdisabled': oneOf([true]),
  // The client's own data, but for the configuration that the paravisor puts there.
  ...named(['x-ms-runtime', 'x-ms-inittime'], { kind: 'carried', except: ['vm-configuration'] }),
  ...named(['x-ms-sgx-ehd', 'x-ms-maa-ehd', 'maa-ehd', 'aas-ehd', 'ehd', 'rp_data', 'x-ms-nonce'], CARRIED),
  ...named(['x-ms-sgx-collateral', 'maa-attestationcollateral', 'x-ms-policy', 'x-ms-policy-signer'], PLAIN),
};
