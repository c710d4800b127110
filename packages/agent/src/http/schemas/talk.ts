/** Shapes of the tutorial's surface (seed 004). */

import { z } from 'zod';

export const pingSchema = z.object({ pong: z.number().int().describe('epoch seconds') });

export const tutorialAttestationSchema = z.object({
  attestation_doc: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .describe("base64 of a Nitro document, or another TEE's evidence; nonce and public_key in hex with mock"),
  mock: z.literal(true).optional().describe('the TEE is a simulator; simulated_document holds its evidence'),
  simulated_document: z.unknown().optional(),
});

export const talkRequestSchema = z.object({
  nonce: z.string().describe('hex, 8 bytes or more; once only with v 1'),
  public_key: z.string().describe("the client's P-384 key, SPKI, hex"),
  data: z.string().describe('AES-256-GCM ciphertext, hex, of {api_key, message, platform?, ai_model?}'),
  v: z.literal(1).optional().describe('the safe form: answer encrypted, bound to nonce and key'),
});

const plainTalkSchema = z.object({
  sig: z.string(),
  sig_canonical: z.string(),
  data: z.object({
    platform: z.string(),
    ai_model: z.string(),
    timestamp: z.number().int(),
    message: z.string(),
    response: z.string(),
  }),
});

const safeTalkSchema = z.object({ v: z.literal(1), nonce: z.string(), data: z.string(), sig: z.string() });

export const talkErrorSchema = z.object({ error: z.string() });

/** The tutorial answers refusals with status 200. */
export const talkAnswerSchema = z.union([plainTalkSchema, safeTalkSchema, talkErrorSchema]);
