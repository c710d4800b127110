/** SHA-256 through WebCrypto. */

import { bufferSource } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';

/** Lower-case hex. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bufferSource(bytes))));
}
