/** What proves the work: attestation reports, receipts, bundles (spec/receipt.md, spec/bundle.md). */

import { type Context, Hono } from 'hono';
import { ServerError } from '../../errors.ts';
import type { ReceiptSummary, SealedReceipt } from '../../ports/ledger.ts';
import type { AppEnv } from '../environment.ts';
import { clientOf, wholeNumber } from '../request-facts.ts';
import type { Services } from './services.ts';

const MOST_IN_BUNDLE = 64;

export function receiptRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/v1/aci/attestation', async (c) => {
    const nonce = c.req.query('nonce') ?? null;
    if (nonce !== null) services.rateLimit.take(`quote ${clientOf(c)}`);
    const { document } = await services.identity.report(nonce);
    return c.json(document, 200, { 'cache-control': 'no-store' });
  });

  app.get('/simulated-root.pem', () => {
    const { rootCertificate } = services.identity.attester;
    if (rootCertificate === undefined)
      throw new ServerError('http/not-found', 'this agent runs in no simulator; its evidence ends at a root of the vendor');
    return new Response(rootCertificate, { headers: { 'content-type': 'application/x-pem-file' } });
  });

  app.get('/v1/aci/receipts/:id', async (c) => {
    const sealed = await find(c.req.param('id'), c, services);
    return c.json(sealed.receipt, 200, { 'x-receipt-id': sealed.receiptId });
  });

  app.get('/api/receipts', async (c) => {
    const limit = wholeNumber(c.req.query('limit'), 50, 1, 200);
    const before = wholeNumber(c.req.query('before'), Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER);
    if (limit === null || before === null)
      throw new ServerError(
        'http/bad-parameter',
        limit === null
          ? `expected limit from 1 to 200, got ${JSON.stringify(c.req.query('limit'))}; leave it out for 50`
          : `before: expected a cursor, got ${JSON.stringify(c.req.query('before'))}; take "next" of the page before`,
      );
    const page = await services.ledger.list(before === Number.MAX_SAFE_INTEGER ? { limit } : { limit, before });
    const visible = page.filter(({ access }) => access === null || access === c.get('access'));
    return c.json(
      { receipts: visible.map(describe), next: page.length === limit ? (page.at(-1)?.cursor ?? null) : null },
      200,
      { 'cache-control': 'no-store' },
    );
  });

  app.get('/api/receipts/:id', async (c) => {
    const sealed = await find(c.req.param('id'), c, services);
    return c.json({ receipt: sealed.receipt, log_proof: sealed.proof, verifier_keys: services.ledger.verifierKeys });
  });

  app.get('/bundles/:id', async (c) => {
    const redact = c.req.query('redact');
    const ids = (c.req.param('id') ?? '').split(',');
    if (ids.length > MOST_IN_BUNDLE)
      throw new ServerError(
        'http/bad-parameter',
        `expected at most ${MOST_IN_BUNDLE} receipts in one bundle, got ${ids.length}; fetch them in parts`,
      );
    const sealed = await Promise.all(ids.map((id) => find(id, c, services)));
    const bytes = await services.ledger.bundle(
      sealed.map(({ receiptId }) => receiptId),
      { redact: redact === '1' || redact === 'true' },
    );
    if (bytes === null)
      throw new ServerError('http/not-found', 'no bundle can be made of this receipt; look at the log of the agent');
    return new Response(new Uint8Array(bytes), {
      headers: {
        'content-type': 'application/json',
        'content-disposition': `attachment; filename="${sealed[0]?.receiptId ?? 'receipts'}.bundle.json"`,
        'cache-control': 'no-store',
      },
    });
  });
  return app;
}

/** The receipt, unless it belongs to another key; then it does not exist (aci/1 §7.6). */
async function find(id: string, c: Context<AppEnv>, services: Services): Promise<SealedReceipt> {
  const sealed = await services.ledger.find(id.replace(/\.bundle\.json$/, ''));
  if (sealed !== null && (sealed.access === null || sealed.access === c.get('access'))) return sealed;
  throw new ServerError('http/not-found', 'no receipt has this id; check it, or list them at /api/receipts');
}

function describe(summary: ReceiptSummary): Readonly<Record<string, unknown>> {
  return {
    receipt_id: summary.receiptId,
    task_id: summary.taskId,
    task: summary.task,
    served_at: summary.servedAt,
    log_index: summary.logIndex,
    state: summary.state,
    complete: summary.state === 'sealed',
    cursor: summary.cursor,
    bundle_url: summary.state === 'sealed' ? `/bundles/${summary.receiptId}` : null,
  };
}
