/** Claims of Google Cloud Attestation and Confidential Space. Source: Google Cloud documentation, "Attestation token claims". */

import { CARRIED, named, oneOf, PLAIN, type Vocabulary } from './meaning.ts';

export const GOOGLE_CLAIMS: Vocabulary = {
  gcp_attester_tcb_status: { kind: 'tcb-status' },
  gcp_attester_tcb_date: { kind: 'tcb-date' },
  // `nvidia_gpu`: a GPU outside confidential mode, or in the one for developers, keeps no secret.
  cc_mode: oneOf(['ON'], 'token.gpu-confidential-mode'),
  ...named(['container>env', 'container>args', 'container>env_override', 'container>cmd_override'], CARRIED),
  ...named(['container>image_signatures', 'submods>gce', 'google_service_accounts'], PLAIN),
};
