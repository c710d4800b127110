/**
 * Shapes of OpenAI's API, as far as every service that speaks it agrees. Bytes go through untouched, so what a service adds is there
 * as well.
 */

import { z } from 'zod';

const messageSchema = z.looseObject({ role: z.string(), content: z.unknown() });

export const chatRequestSchema = z
  .looseObject({
    model: z.string().describe("default: the agent's own"),
    messages: z.array(messageSchema),
    stream: z.boolean().nullish(),
  })
  .meta({ id: 'ChatRequest' });

const usageSchema = z.looseObject({
  prompt_tokens: z.number().int().nullish(),
  completion_tokens: z.number().int().nullish(),
  total_tokens: z.number().int().nullish(),
});

export const chatCompletionSchema = z
  .looseObject({
    id: z.string().optional(),
    object: z.string().optional(),
    created: z.number().int().optional(),
    model: z.string().optional(),
    choices: z.array(
      z.looseObject({
        index: z.number().int().optional(),
        message: z.looseObject({ role: z.string(), content: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    ),
    usage: usageSchema.nullish(),
  })
  .meta({ id: 'ChatCompletion' });

export const completionRequestSchema = z
  .looseObject({ model: z.string(), prompt: z.unknown(), stream: z.boolean().nullish() })
  .meta({ id: 'CompletionRequest' });

export const completionSchema = z
  .looseObject({
    id: z.string().optional(),
    choices: z.array(z.looseObject({ text: z.string(), finish_reason: z.string().nullish() })),
    usage: usageSchema.nullish(),
  })
  .meta({ id: 'Completion' });

export const embeddingRequestSchema = z.looseObject({ model: z.string(), input: z.unknown() }).meta({ id: 'EmbeddingRequest' });

export const embeddingsSchema = z
  .looseObject({
    data: z.array(z.looseObject({ index: z.number().int(), embedding: z.union([z.array(z.number()), z.string()]) })),
  })
  .meta({ id: 'Embeddings' });

export const responseRequestSchema = z
  .looseObject({ model: z.string(), input: z.unknown(), instructions: z.string().nullish(), stream: z.boolean().nullish() })
  .meta({ id: 'ResponseRequest' });

export const responseSchema = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.number().int(),
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
    model: z.string(),
    output: z.array(z.looseObject({ type: z.string(), id: z.string() })),
    usage: z.looseObject({}).nullable(),
  })
  .meta({ id: 'Response' });

export const modelSchema = z
  .object({ id: z.string(), object: z.literal('model'), created: z.number().int(), owned_by: z.string() })
  .meta({ id: 'Model' });

export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });

/** Attested sessions (ACI §8.1); `evidence` holds its digest alone. */
export const sessionListSchema = z.object({
  api_version: z.literal('aci/1'),
  sessions: z.array(z.looseObject({ session_id: z.string(), evidence: z.object({ digest: z.unknown() }) })),
});

export const sessionSchema = z
  .looseObject({ evidence: z.unknown() })
  .meta({ id: 'UpstreamSession', description: 'the document whose JCS form hashes to the session id' });
