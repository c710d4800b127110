/** What proves the work: attestation reports, receipts, bundles (spec/receipt.md, spec/bundle.md). */

import type { SealedReceipt } from '@assay/ledger';
import type { Context } from 'hono';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { storedAnswer } from '../answers.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { type ListedReceipt, ReceiptList } from '../receipt-list.ts';
import { clientOf } from '../request-facts.ts';
import { json, route } from '../route.ts';
import { textSchema } from '../schemas/bytes.ts';
import { flagParameter, namesParameter, pageParameters } from '../schemas/parameters.ts';
import { bundleSchema, provenSchema, receiptSchema, reportSchema } from '../schemas/proof.ts';
import { receiptListSchema } from '../schemas/receipt-list.ts';
import { taskStatusSchema } from '../schemas/work.ts';
import type { Services } from './services.ts';

const MOST_IN_BUNDLE = 64;
const SUFFIX = '.bundle.json';
const NO_STORE = { 'cache-control': 'no-store' };
const byId = z.object({ id: z.string() });

const attestation = route({
  method: 'get',
  path: '/v1/aci/attestation',
  authority: 'public',
  tag: 'proof',
  summary: 'Attestation report of aci/1: a fresh quote for a nonce, the unchallenged report without one',
  query: z.object({ nonce: z.string().optional().describe('32 random bytes as 64 lower-case hex characters') }),
  answers: { 200: json(reportSchema, 'report') },
  errors: { 400: 'bad nonce', 503: 'no evidence' },
});

const simulatedRoot = route({
  method: 'get',
  path: '/simulated-root.pem',
  authority: 'public',
  tag: 'proof',
  summary: 'Root certificate of the simulator, when the agent runs in one',
  answers: { 200: { description: 'PEM', content: { 'application/x-pem-file': textSchema } } },
  errors: { 404: 'the evidence ends at a root of the vendor' },
});

const aciReceipt = route({
  method: 'get',
  path: '/v1/aci/receipts/{id}',
  authority: 'key',
  tag: 'proof',
  summary: 'Receipt of aci/1, by its id or that of the chat answer',
  params: byId,
  answers: { 200: json(receiptSchema, 'receipt') },
  errors: { 404: 'no such receipt' },
});

const receiptList = route({
  method: 'get',
  path: '/api/receipts',
  authority: 'key',
  tag: 'proof',
  summary: 'Receipts, newest first',
  query: z.object({
    ...pageParameters('title, kind of work or ids'),
    outcome: namesParameter(taskStatusSchema).describe('one or more, joined by commas'),
  }),
  answers: { 200: json(receiptListSchema, 'one page; it may be empty while `next` goes on') },
  errors: { 400: 'bad filter, limit or cursor' },
});

const provenReceipt = route({
  method: 'get',
  path: '/api/receipts/{id}',
  authority: 'key',
  tag: 'proof',
  summary: 'A receipt with its log proof',
  params: byId,
  answers: { 200: json(provenSchema.extend({ verifier_keys: z.array(z.string()) }), 'receipt and proof') },
  errors: { 404: 'no such receipt' },
});

const bundle = route({
  method: 'get',
  path: '/bundles/{id}',
  authority: 'key',
  tag: 'proof',
  summary: `Everything needed to check receipts offline; up to ${MOST_IN_BUNDLE} ids, joined by commas`,
  params: byId,
  query: z.object({ redact: flagParameter.describe('1 leaves payloads out') }),
  answers: { 200: json(bundleSchema, 'bundle') },
  errors: { 400: 'too many ids', 404: 'no such receipt', 413: 'longer than verifiers take' },
});

export function receiptRoutes(api: Api, services: Services): void {
  const list = new ReceiptList(services);
  api.on(attestation, async ({ c, query }) => {
    const nonce = query.nonce ?? null;
    if (nonce !== null) await services.rateLimit.take(`quote ${clientOf(c)}`);
    const { document } = await services.identity.report(nonce);
    return c.json(document, 200, NO_STORE);
  });

  api.on(simulatedRoot, () => {
    const { rootCertificate } = services.identity.attester;
    if (rootCertificate === undefined)
      throw new ServerError('http/not-found', 'this agent runs in no simulator; its evidence ends at a root of the vendor');
    return new Response(rootCertificate, { headers: { 'content-type': 'application/x-pem-file' } });
  });

  api.on(aciReceipt, async ({ c, params, reply }) => {
    const sealed = await find(params.id, c, services);
    return reply(200, sealed.receipt, { 'x-receipt-id': sealed.receiptId });
  });

  api.on(receiptList, async ({ c, query, reply }) => {
    const { limit = 50, before, search, outcome } = query;
    const outcomes = outcome === undefined ? undefined : new Set(outcome);
    const { receipts, next } = await list.page({ access: c.get('access'), limit, before, search, outcomes });
    return reply(200, { receipts: receipts.map(describe), next }, NO_STORE);
  });

  api.on(provenReceipt, async ({ c, params, reply }) => {
    const { receipt, proof } = await find(params.id, c, services);
    return reply(200, { receipt, log_proof: proof, verifier_keys: services.ledger.verifierKeys });
  });

  api.on(bundle, async ({ c, params, query }) => {
    const ids = params.id.split(',').map(withoutSuffix);
    if (ids.length > MOST_IN_BUNDLE)
      throw new ServerError(
        'http/bad-parameter',
        `expected at most ${MOST_IN_BUNDLE} receipts in one bundle, got ${ids.length}; fetch them in parts`,
      );
    const [first = ''] = ids;
    const stored = await services.ledger.bundle(ids, { redact: query.redact, access: c.get('access') });
    if (stored === null) throw unknownReceipt();
    return storedAnswer(stored, {
      headers: {
        'content-type': 'application/json',
        'content-disposition': `attachment; filename="${first}.bundle.json"`,
        ...NO_STORE,
      },
    });
  });
}

/** The receipt, unless it belongs to another key; then it does not exist (aci/1 §7.6). */
async function find(id: string, c: Context<AppEnv>, services: Services): Promise<SealedReceipt> {
  const sealed = await services.ledger.find(withoutSuffix(id));
  if (sealed !== null && (sealed.access === null || sealed.access === c.get('access'))) return sealed;
  throw unknownReceipt();
}

function withoutSuffix(id: string): string {
  return id.endsWith(SUFFIX) ? id.slice(0, -SUFFIX.length) : id;
}

function unknownReceipt(): ServerError {
  return new ServerError('http/not-found', 'no receipt has this id; check it, or list them at /api/receipts');
}

function describe(summary: ListedReceipt) {
  return {
    receipt_id: summary.receiptId,
    task_id: summary.taskId,
    task: summary.task,
    title: summary.title,
    outcome: summary.outcome,
    served_at: summary.servedAt,
    log_index: summary.logIndex,
    state: summary.state,
    complete: summary.state === 'sealed',
    cursor: summary.cursor,
    bundle_url: summary.state === 'sealed' ? `/bundles/${summary.receiptId}` : null,
  };
}
