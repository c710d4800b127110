/** Shapes of what proves work: receipts, log proofs, reports, bundles. `spec/` says what their members mean. */

import { z } from 'zod';

const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const keySchema = z.object({ key_id: z.string(), algo: z.string(), public_key: z.string() });

export const receiptSchema = z
  .object({
    api_version: z.literal('aci/1'),
    receipt_id: z.string(),
    chat_id: z.string().nullable(),
    model: z.string().nullable(),
    workload_keyset_digest: digestSchema,
    endpoint: z.string(),
    method: z.string(),
    served_at: z.number().int().describe('epoch seconds'),
    event_log: z.array(z.looseObject({ type: z.string() })),
    key_id: z.string(),
    signature: z.string().describe('Ed25519, 64 bytes as hex, over the JCS form of the rest'),
  })
  .meta({ id: 'Receipt', description: 'spec/receipt.md' });

const logProofSchema = z
  .object({ index: z.number().int(), leaf: z.string(), salt: z.string(), proof: z.string() })
  .meta({ id: 'LogProof', description: 'spec/log.md' });

/** A receipt and its place in the log. */
export const provenSchema = z.object({ receipt: receiptSchema, log_proof: logProofSchema });

export const reportSchema = z
  .object({
    api_version: z.literal('aci/1'),
    workload_keyset_digest: digestSchema,
    attestation: z.object({
      tee_type: z.string(),
      workload_keyset: z.object({
        subject: z.string().nullable(),
        not_after: z.number().int(),
        receipt_signing_keys: z.array(keySchema),
        e2ee_public_keys: z.array(keySchema),
        tls_public_keys: z.array(z.object({ spki_sha256: z.string(), domain: z.string().optional() })),
      }),
      report_data: z.string(),
      source_provenance: z.object({
        repo_url: z.string().nullable(),
        repo_commit: z.string().nullable(),
        image_digest: z.string().nullable(),
        image_provenance: z.unknown(),
      }),
      evidence: z.record(z.string(), z.unknown()),
    }),
    service_capabilities: z.object({ supported_e2ee_versions: z.array(z.string()), serving: z.string() }),
  })
  .meta({ id: 'Report', description: 'spec/keyset.md' });

const entrySchema = z.looseObject({ index: z.number().int(), leaf: z.unknown(), path: z.array(z.string()), salt: z.string() });

export const bundleSchema = z
  .object({
    format: z.literal('assay-bundle/1'),
    checkpoint: z.string(),
    vkeys: z.array(z.string()),
    witnesses: z.array(z.string()),
    receipts: z.array(z.object({ entry: entrySchema, receipt: receiptSchema })),
    reports: z.array(
      z.object({
        collateral: z.array(z.object({ bytes: z.string(), media_type: z.string(), name: z.string() })),
        entry: entrySchema,
        nonce: z.string().nullable(),
        report: reportSchema,
      }),
    ),
    successions: z.array(z.object({ entry: entrySchema, successor: digestSchema })).optional(),
    payloads: z.array(z.object({ bytes: z.string(), hash: digestSchema })),
  })
  .meta({ id: 'Bundle', description: 'spec/bundle.md' });
