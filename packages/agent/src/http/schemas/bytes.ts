/** Bodies that are not JSON. */

import { z } from '@hono/zod-openapi';

/** Bytes in a form of their own; the media type says which. */
export const bytesSchema = z.string().openapi({ type: 'string', format: 'binary' });

export const textSchema = z.string();

/** Server-sent events (HTML living standard, §9.2). */
export const eventStreamSchema = z.string();
