import { EncodingError } from '@assay/encoding/errors';
import { AttestationError } from './errors.ts';

/**
 * What `read` returns; `otherwise` where it refuses. For pieces that came along: one that cannot be read is not the one looked for.
 * @throws what `read` throws, unless it is an {@link AttestationError} or an {@link EncodingError}: that is a fault of the program.
 * @example const certificate = valueOr(() => readCertificate(der, cache), null);
 */
export function valueOr<Value, Otherwise>(read: () => Value, otherwise: Otherwise): Value | Otherwise {
  try {
    return read();
  } catch (error) {
    if (AttestationError.is(error) || EncodingError.is(error)) return otherwise;
    throw error;
  }
}
