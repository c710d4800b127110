/** Transcripts bound to an attested model (seed 003, spec/transcripts.md): attest, ask, export, verify. */

import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { bindingDigest } from '@assay/models';
import type { Context } from 'hono';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { providerOf, securityLevelOf, sessionAttestation } from '../../evidence/attestation-document.ts';
import { evidenceFile } from '../../evidence/evidence-file.ts';
import { type InferenceRequest, transcribe } from '../../evidence/transcript.ts';
import { verifyEvidenceFile } from '../../evidence/verify-file.ts';
import { meteredModel } from '../../tasks/metered-model.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { readBytes } from '../request-body.ts';
import { clientOf } from '../request-facts.ts';
import { json, route } from '../route.ts';
import {
  createAttestationSchema,
  createdAttestationSchema,
  evidenceErrorSchema,
  evidenceStatsSchema,
  fileVerdictSchema,
  inferenceRequestSchema,
  platformSchema,
  transcriptAnswerSchema,
  transcriptFileSchema,
} from '../schemas/evidence.ts';
import type { Services } from './services.ts';

const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_FILE_BYTES = 48 * 1024 * 1024;
const MAX_FILE_NODES = 2_000_000;

const create = route({
  method: 'post',
  path: '/attestation/create',
  authority: 'key',
  scope: 'infer',
  tag: 'transcripts',
  summary: 'Open a session: an attestation for your nonce, and the identity of the model',
  body: { required: false, content: { 'application/json': createAttestationSchema } },
  answers: { 200: json(createdAttestationSchema, 'session') },
  errors: { 400: 'not JSON', 422: 'bad nonce', 429: 'too many requests', 503: 'no evidence' },
});

const infer = route({
  method: 'post',
  path: '/inference',
  authority: 'key',
  scope: 'infer',
  tag: 'transcripts',
  summary: 'Ask the model within a session; the answer is one transcript of it',
  body: { required: true, content: { 'application/json': inferenceRequestSchema } },
  answers: {
    200: json(transcriptAnswerSchema, 'answer'),
    401: json(evidenceErrorSchema, 'no such session, or one that has ended'),
  },
  errors: { 400: 'not JSON', 422: 'bad input', 503: 'the model does not answer' },
});

const bundle = route({
  method: 'get',
  path: '/evidence/bundle',
  authority: 'key',
  tag: 'transcripts',
  summary: 'All transcripts of your sessions as one file that verifies offline',
  query: z.object({ session_id: z.string().optional() }),
  answers: { 200: json(transcriptFileSchema, 'file'), 404: json(evidenceErrorSchema, 'nothing to export') },
  errors: { 413: 'more than one file holds' },
});

const verify = route({
  method: 'post',
  path: '/evidence/verify',
  authority: 'key',
  scope: 'read',
  tag: 'transcripts',
  summary: 'Verify such a file here; assay verify does it without trusting this agent',
  body: { required: true, content: { 'application/json': transcriptFileSchema } },
  answers: { 200: json(fileVerdictSchema, 'valid'), 400: json(fileVerdictSchema, 'not valid') },
  errors: { 413: 'too large' },
});

const stats = route({
  method: 'get',
  path: '/stats',
  authority: 'key',
  tag: 'transcripts',
  summary: 'How many sessions and transcripts there are',
  answers: { 200: json(evidenceStatsSchema, 'numbers') },
});

const platform = route({
  method: 'get',
  path: '/platform/info',
  authority: 'public',
  tag: 'transcripts',
  summary: 'Which provider attests, and which model answers',
  answers: { 200: json(platformSchema, 'platform') },
  errors: { 503: 'no evidence' },
});

export function evidenceRoutes(api: Api, services: Services): void {
  const { config, clock, evidence, identity, ledger, model } = services;
  const startedAt = clock.now();
  const meteredFor = (c: Context<AppEnv>) => {
    const access = c.get('access');
    return access === null ? model : meteredModel(model, (tokens) => ledger.keys.spend(access, { tokens }));
  };
  const modelFacts = () => ({ name: model.model, version: config.modelVersion ?? 'unknown', provider: model.provider });

  api.on(create, async ({ c, reply }) => {
    await services.rateLimit.take(`quote ${clientOf(c)}`);
    const bytes = await readBytes(c.req.raw, MAX_REQUEST_BYTES);
    const { nonce = null } = bytes.length === 0 ? {} : checked(createAttestationSchema, bytes);
    await identity.inForce();
    const attestation = await sessionAttestation(identity, nonce);
    const facts = modelFacts();
    const modelHash = bindingDigest(facts);
    const session = evidence.open({
      access: c.get('access'),
      createdAt: clock.now(),
      attestation,
      attestationHash: bindingDigest(attestation),
      modelIdentity: { ...facts, hash: modelHash },
      modelHash,
    });
    return reply(200, { session_id: session.id, attestation, model_identity: session.modelIdentity } as never);
  });

  api.on(infer, async ({ c, reply }) => {
    await services.rateLimit.take(clientOf(c));
    const bytes = await readBytes(c.req.raw, config.limits.bodyBytes);
    const { session_id: id, prompt, max_tokens: maxTokens, temperature } = checked(inferenceRequestSchema, bytes);
    const session = evidence.find(id, c.get('access'));
    if (session === null) return reply(401, { error: 'Invalid session. Create attestation first.' });
    const { channel = 'http' } = (c.env ?? {}) as { readonly channel?: 'ohttp' | 'ehbp' | 'http' };
    const request: InferenceRequest = { bytes, prompt, maxTokens, temperature, channel, signal: c.req.raw.signal };
    return reply(200, (await transcribe(session, request, { model: meteredFor(c), ledger, clock })) as never);
  });

  api.on(bundle, async ({ c, query, reply }) => {
    const own = evidence.withTranscripts(c.get('access'));
    const wanted = own.filter(({ id }) => query.session_id === undefined || id === query.session_id);
    if (wanted.length === 0) return reply(404, { error: 'No transcripts available' });
    return reply(200, (await evidenceFile(wanted, { ledger, clock })) as never);
  });

  api.on(verify, async ({ c, reply }) => {
    await services.rateLimit.take(clientOf(c));
    const file = objectOf(await readBytes(c.req.raw, MAX_FILE_BYTES));
    const { valid, errors } = await verifyEvidenceFile(file, identity.attester.rootCertificate);
    return reply(valid ? 200 : 400, { valid, errors, timestamp: new Date(clock.now()).toISOString() });
  });

  api.on(stats, async ({ c, reply }) => {
    const { evidence: shown } = await identity.report(null);
    const transcripts = evidence.withTranscripts(c.get('access')).reduce((sum, session) => sum + session.transcripts.length, 0);
    return reply(200, {
      provider_type: providerOf(identity, shown),
      simulated: identity.attester.simulated,
      sessions: evidence.madeBy(c.get('access')),
      transcripts,
      uptime_seconds: Math.floor((clock.now() - startedAt) / 1000),
    });
  });

  api.on(platform, async ({ reply }) => {
    const { evidence: shown } = await identity.report(null);
    return reply(200, {
      provider_type: providerOf(identity, shown),
      security_level: securityLevelOf(identity, shown),
      simulated: identity.attester.simulated,
      platform_info: { name: identity.attester.name, tee_type: shown.teeType },
      model: modelFacts(),
      version: services.version,
    });
  });
}

/** @throws {ServerError} `http/bad-json`, `task/bad-input`. */
function checked<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array): z.output<Schema> {
  const result = schema.safeParse(parsed(bytes));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ServerError(
    'task/bad-input',
    `${issue?.path.join('.') || 'request'}: ${issue?.message ?? 'malformed'}; see /openapi.json`,
  );
}

function objectOf(bytes: Uint8Array): JsonObject {
  const value = parsed(bytes);
  return isJsonObject(value) ? value : {};
}

function parsed(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes, { maxNodes: MAX_FILE_NODES });
  } catch (cause) {
    throw new ServerError(
      'http/bad-json',
      `the body is not valid JSON: ${cause instanceof Error ? cause.message : 'malformed'}; send it again`,
      {
        cause,
      },
    );
  }
}
