/** The error class of the image build. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const IMAGE_ERROR_KINDS = {
  'image/foreign-directory': 'refused',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export class ImageError extends codedError('ImageError', IMAGE_ERROR_KINDS) {}
