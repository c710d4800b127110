/** HTTP to models without limits of its own: Node's 300 s for headers and between two pieces are off, and the caller's signal ends a request. */

import { createTlsDialer } from '@assay/channel/tls';

/** As `fetch`, with ordinary certificate authorities. */
export const patientFetch: typeof globalThis.fetch = createTlsDialer({ silenceMs: 0 }).open;
