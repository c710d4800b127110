/** What the snippets take as given: an agent and its simulator's root, a bundle of one of its answers, and authentic TDX evidence. */

import { readFileSync } from 'node:fs';
import { fakeDcap } from '@assay/simulator';
import { connect } from 'assay';
import { verifyTdx } from 'assay/tdx';

const [address = 'http://127.0.0.1:8000', rootFile = '.assay/simulated-root.pem'] = process.argv.slice(2);

export const url: string = address;
export const pem: string = readFileSync(rootFile, 'utf8');

/** A file for the task that plots. */
export const sales: Uint8Array = new TextEncoder().encode('region,sales\nnorth,3\nsouth,5\n');

/** The bundle of one answer of the agent. */
export async function bundleOfAnswer(): Promise<Uint8Array> {
  const agent = await connect(url, { trust: { simulatedRoot: pem } });
  const { receipt } = await agent.chat('What is 6 times 7?');
  const answer = await agent.fetch(new URL(`bundles/${receipt.receipt_id}`, `${url}/`));
  return new Uint8Array(await answer.arrayBuffer());
}

const fake = await fakeDcap({ tee: 'tdx', version: 4 });

/** A quote under a root that Intel did not make. */
export const { quote } = fake;

/** The same quote, verified by somebody who trusts that root. */
export async function acceptedQuote() {
  const trust = { simulatedRoot: fake.root.der };
  const r = await verifyTdx(fake.quote, { now: fake.now, collateral: fake.endorsements, trust });
  if (r.outcome !== 'accepted') throw r.error;
  return r;
}
