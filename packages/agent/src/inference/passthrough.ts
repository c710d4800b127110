/** Endpoints that upstreams have as well: bytes go out and come back untouched. */

import { readPromptRequest } from './constraints.ts';
import { errorEvent } from './served-stream.ts';
import type { Surface } from './surface.ts';

const NOTHING = new Uint8Array(0);

/** @param path - the endpoint, for clients and at the upstream. */
export function passthrough(path: string): Surface {
  return {
    upstreamPath: path,
    read: readPromptRequest,
    streams: () => true,
    whole: (bytes, _, contentType) => ({ bytes, contentType }),
    stream: () => ({ keeps: false, push: (piece) => piece, end: () => NOTHING, failure: errorEvent }),
  };
}
