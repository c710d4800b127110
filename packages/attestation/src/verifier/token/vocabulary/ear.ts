/**
 * Claims of EAR verifiers: Veraison, Confidential Containers' Trustee, and the evidence they annotate.
 * Source: draft-ietf-rats-ear, draft-ietf-rats-ar4si §2.3; names of Trustee's evidence claims as its attestation service writes them.
 */

import { CARRIED, DEBUG, named, oneOf, type Vocabulary } from './meaning.ts';

export const EAR_CLAIMS: Vocabulary = {
  ...named(['ear.status', 'ear_status'], { kind: 'ear-status' }),
  ...named(['ear.trustworthiness-vector', 'ear_trustworthiness_vector'], { kind: 'ear-vector' }),
  ...named(
    ['ear.raw-evidence', 'ear_raw_evidence', 'init_data', 'init_data_claims', 'runtime_data', 'runtime_data_claims'],
    CARRIED,
  ),
  ...named(['uefi_event_logs', 'event_log', 'eventlog', 'ccel', 'cc_eventlog', 'aael'], CARRIED),
  ...named(['tcb_status', 'tcbstatus'], { kind: 'tcb-status' }),
  ...named(['tcb_date', 'tcbdate'], { kind: 'tcb-date' }),
  ...named(['advisory_ids', 'advisoryids'], { kind: 'advisories' }),
  ...named(
    [
      'policy_debug_allowed',
      'sevsnp_policy_debug_allowed',
      'td_attributes>debug',
      'attributes>debug',
      'sgx>debug',
      'snp>debug',
    ],
    DEBUG,
  ),
  collateral_expiration_status: oneOf([0, '0', false]),
};
