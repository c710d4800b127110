/**
 * Claims of Intel Trust Authority, for SGX, TDX, SEV-SNP and GPUs beside them; `amber_…` were its first names.
 * Source: Intel Trust Authority documentation, "Attestation tokens and claims"; EAT profile 1.0.1.
 */

import { CARRIED, DEBUG, named, PLAIN, type Vocabulary } from './meaning.ts';

export const INTEL_CLAIMS: Vocabulary = {
  // Intel issues a token whether or not its policies matched, and leaves the consequence to the relying party.
  ...named(['policy_ids_unmatched', 'amber_unmatched_policy_ids', 'unmatched_policy_ids', 'policy_ids_failed'], {
    kind: 'finding',
    good: (value) => value === null || (typeof value === 'object' && Object.keys(value).length === 0),
    expected: 'none',
    id: 'token.policies-unmatched',
  }),
  ...named(['policy_ids_matched', 'amber_matched_policy_ids', 'matched_policy_ids'], PLAIN),
  ...named(['attester_tcb_status', 'sgx_tcb_status', 'tdx_tcb_status', 'amber_tcb_status', 'amber_tdx_tcb_status'], {
    kind: 'tcb-status',
  }),
  ...named(['attester_tcb_date', 'sgx_tcb_date', 'tdx_tcb_date', 'amber_tcb_date'], { kind: 'tcb-date' }),
  ...named(['attester_advisory_ids', 'sgx_advisory_ids', 'tdx_advisory_ids', 'amber_advisory_ids'], { kind: 'advisories' }),
  ...named(['tcbevaluationdatanumber', 'tcb_evaluation_data_number'], { kind: 'evaluation-number' }),
  ...named(
    [
      ...['sgx_is_debuggable', 'tdx_is_debuggable', 'sevsnp_is_debuggable', 'tdx_td_attributes_debug'],
      ...['amber_sgx_is_debuggable', 'amber_tdx_is_debuggable', 'amber_tdx_td_attributes_debug', 'tee_is_debuggable'],
    ],
    DEBUG,
  ),
  ...named(['attester_runtime_data', 'attester_held_data', 'attester_user_data', 'attester_inittime_data'], CARRIED),
  ...named(['amber_tee_held_data', 'amber_report_data', 'verifier_nonce'], CARRIED),
};
