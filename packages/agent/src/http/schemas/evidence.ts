/** Shapes of the transcript surface (seed 003); spec/transcripts.md says what they mean. */

import { z } from 'zod';

const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);

export const createAttestationSchema = z.object({
  nonce: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('64 lower-case hex digits, or any text, whose SHA-256 is then attested'),
});

const attestationSchema = z.looseObject({
  provider_type: z.string(),
  quote: z.string().describe('base64'),
  certificate_chain: z.array(z.string()),
  measurements: z.record(z.string(), z.string()),
  timestamp: z.string(),
  nonce: z.string(),
  platform_info: z.looseObject({ simulated: z.boolean() }),
  security_level: z.string(),
  additional_claims: z.looseObject({ report_nonce: z.string() }),
});

const modelIdentitySchema = z.looseObject({ hash: digestSchema, name: z.string(), version: z.string() });

export const createdAttestationSchema = z.object({
  session_id: z.string(),
  attestation: attestationSchema,
  model_identity: modelIdentitySchema,
});

export const inferenceRequestSchema = z.object({
  session_id: z.string(),
  prompt: z.string().min(1),
  max_tokens: z.number().int().min(1).max(32_768).default(50),
  temperature: z.number().min(0).max(2).default(0.7),
});

export const transcriptAnswerSchema = z.looseObject({
  transcript_id: z.string(),
  response: z.string(),
  inference_time_ms: z.number(),
  binding: z.object({ signature: z.string(), nonce: z.string(), timestamp: z.number().int() }),
  attestation_hash: digestSchema,
});

export const transcriptFileSchema = z.looseObject({
  format: z.literal('assay-transcripts/1'),
  version: z.literal('1.0'),
  transcripts: z.array(z.looseObject({ transcript_id: z.string() })),
  summary: z.looseObject({ total_transcripts: z.number().int() }),
  signature: z.string(),
});

export const fileVerdictSchema = z.object({ valid: z.boolean(), errors: z.array(z.string()), timestamp: z.string() });

export const evidenceStatsSchema = z.object({
  provider_type: z.string(),
  simulated: z.boolean(),
  sessions: z.number().int(),
  transcripts: z.number().int().describe("of the caller's sessions that are in memory"),
  uptime_seconds: z.number().int(),
});

export const platformSchema = z.object({
  provider_type: z.string(),
  security_level: z.string(),
  simulated: z.boolean(),
  platform_info: z.looseObject({ name: z.string() }),
  model: z.object({ name: z.string(), version: z.string(), provider: z.string() }),
  version: z.string(),
});

/** The words that clients of seed 003 know. */
export const evidenceErrorSchema = z.object({ error: z.string() });
