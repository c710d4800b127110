/** How each event is told. A type without a teller here is told by its name. */

import { ruleText } from '@assay/contracts';
import { counted } from '@assay/encoding/counted';
import type { EventOf, KnownEventType, ReceiptEvent } from '@assay/receipt';
import { dependenciesIn } from '../verification/audited-dependencies.ts';
import { errorLine } from './error-line.ts';
import { languageName } from './language-name.ts';
import { objectIn, type PayloadOf, type Quote, quote, type ToldStep, textOf, told } from './story-step.ts';

/** What a teller may look at in addition to its event. */
export interface Context {
  readonly payload: PayloadOf;
  readonly log: readonly ReceiptEvent[];
  /** Where the event stands in `log`, from 0. */
  readonly at: number;
}

/** `null`: another step says it. */
export type Teller<Type extends KnownEventType> = (event: EventOf<Type>, context: Context) => ToldStep | null;

/** A clock further off makes times in receipts hard to compare, milliseconds. */
const NOTABLE_DRIFT_MS = 2000;

const PROVENANCES: Readonly<Record<string, string>> = {
  unverified: 'It was not attested: its operator could read and change everything.',
  recorded: 'RECORDED: no model ran for this.',
  verified: 'Its TEE was verified before the prompt left.',
  attested: 'Its TEE was verified before the prompt left.',
  embedded: 'It ran inside this agent, from a file whose digest is signed here.',
};

const AUTHORS: Readonly<Record<string, string>> = { model: 'The model wrote code', recording: 'The recording holds code' };

/** Whether the last answer in a model's name ahead of the event was recorded: then no model ran for it. */
function fromRecording({ log, at }: Context): boolean {
  const call = log.findLast(({ type }, index) => index < at && type === 'model.called');
  return call?.provenance === 'recorded';
}

export const TELLERS: { readonly [Type in KnownEventType]: Teller<Type> } = {
  'request.received': () => null,
  'task.received': () => null,
  'payload.kept': () => null,
  'state.written': () => null,
  'model.called': (event) => ({
    ...told('model', 'Asked the model', { attempt: event.attempt ?? null, text: modelText(event) }),
    tone: event.error ? 'fail' : 'plain',
  }),
  'model.loaded': ({ model }) =>
    told('model', 'Loaded the model', { text: `${model}, from a file whose digest is signed here.` }),
  'log.loss-acknowledged': ({ signed_size: signed, found_size: found }) =>
    told('change', 'An operator accepted that entries of the log are lost', {
      tone: 'open',
      text: `${signed} were signed, ${found} were left.`,
    }),
  'payloads.erased': ({ receipt_id: receiptId }) =>
    told('change', 'An operator erased what a receipt had kept', {
      tone: 'open',
      text: `Payloads of ${receiptId}; the receipt and its proofs stay valid.`,
    }),
  'data-key.rotated': ({ from, to }) =>
    told('change', 'An operator replaced the key that stored data is sealed under', { text: `${to} follows ${from}.` }),
  'version.floor-raised': ({ version, floor, previous }) =>
    told('change', 'Set the oldest version that may take over the keys', {
      text: `${floor}${previous === null || previous === undefined ? '' : ` follows ${previous}`}; an agent of version ${version} demanded it.`,
    }),
  'fleet.listed': ({ agents }) =>
    told('tool', 'Listed the agents of the log', { text: `${agents} alive, with the digests of their keysets.` }),
  'clock.compared': ({ drift_ms: drift }) =>
    told('tool', "Compared the agent's clock with the TEE's", {
      tone: Math.abs(drift) > NOTABLE_DRIFT_MS ? 'open' : 'plain',
      text: `The agent's clock was ${Math.abs(drift)} ms ${drift < 0 ? 'behind' : 'ahead'}.`,
    }),
  'upstream.signed': ({ simulated, signing_address: address, attempt }) =>
    told('model', 'The model service signed its answer', {
      attempt: attempt ?? null,
      tone: simulated ? 'open' : 'pass',
      text: `${address}, a key of its TEE, covers exactly the bytes sent and received.${simulatedWords(simulated)}`,
    }),
  'upstream.sealed': ({ simulated, sealed, attempt }) =>
    told('model', 'The exchange with the model service was sealed', {
      attempt: attempt ?? null,
      tone: simulated ? 'open' : 'pass',
      text: `Only its attested key could open it (${sealed}).${simulatedWords(simulated)}`,
    }),
  'code.proposed': ({ language, code_hash: hash, attempt }, { payload }) =>
    told('review', 'The model proposed code', {
      attempt,
      text: `${languageName(language)}. It waited for a decision.`,
      quotes: quote('Proposed code', textOf(hash, payload), language),
    }),
  'code.reviewed': ({ decision, attempt }) =>
    told('review', 'A person reviewed the code', { attempt, text: DECISIONS[decision] ?? `The decision: ${decision}.` }),
  'code.generated': ({ language, code_hash: hash, source, attempt }, context) => {
    const text = textOf(hash, context.payload);
    const author = source === 'model' && fromRecording(context) ? 'recording' : source;
    return told('code', AUTHORS[author] ?? 'The client brought code', {
      attempt: attempt ?? null,
      text: `${languageName(language)}, by the ${author}.${text === null ? ' Its text is not in this file; its hash is.' : ''}`,
      quotes: quote(languageName(language), text, language),
    });
  },
  'code.missing': ({ attempt, code, error_hash: hash }, { payload }) =>
    told('code', 'The model wrote no code', {
      attempt,
      tone: 'fail',
      text: code,
      quotes: quote('What was wrong', textOf(hash, payload), 'text'),
    }),
  'code.executed': (event, { payload, log }) => {
    const stderr = textOf(event.stderr_hash, payload);
    return told('ran', 'Ran it in the sandbox', {
      attempt: event.attempt ?? null,
      tone: event.status === 'ok' ? 'pass' : 'fail',
      text: `Lane ${event.lane}, isolation ${event.isolation}. ${endOf(event)}`,
      quotes: [
        ...quote('Output', textOf(event.stdout_hash, payload), 'text'),
        ...quote('Standard error', stderr, 'text'),
        ...errorQuote(textOf(event.error_hash, payload), stderr, askedAfter(event.attempt, log)),
      ],
    });
  },
  'tool.called': ({ tool, status }) => told('tool', `Called the tool ${tool}`, { text: `${tool} ended ${status}.` }),
  'file.read': ({ path, bytes }) => told('file', `Read ${path}`, { text: `read ${path}, ${sized(bytes)}` }),
  'file.written': ({ path, bytes }) => told('file', `Wrote ${path}`, { text: `wrote ${path}, ${sized(bytes)}` }),
  'file.collected': ({ path, bytes, media_type: type }) =>
    told('file', 'The code left a file', { text: `${path}, ${sized(bytes)}, ${type}` }),
  'network.fetched': ({ exchanges }) =>
    told('network', 'The code used the network', { text: `${counted(exchanges, 'exchange')}, through the host, recorded.` }),
  'contract.audited': (event) => {
    const { passed, findings, highest_impact: highest, analyzer, policy, uncounted } = event;
    const gravest = highest ? `, the gravest ${highest}` : '';
    return told('contract', passed ? 'Audited: it passed the rule' : 'Audited: it failed the rule', {
      tone: passed ? 'pass' : 'fail',
      // What it was held to stands with the outcome: a rule that lets more pass says less.
      text: `${passed ? 'passed' : 'FAILED'}, ${counted(findings, 'finding')}${gravest}, by ${analyzer}; ${ruleText({ policy, uncounted, dependencies: dependenciesIn(event) })}.`,
    });
  },
  'contract.linted': ({ linter, findings, sources, unread, reason }) => {
    if (!linter) return told('contract', 'Linter', { text: `not checked: ${reason}.` });
    const missed = unread ? `, ${unread} of ${sources} sources not read` : '';
    return told('contract', 'Linter', {
      tone: unread ? 'open' : 'plain',
      text: `${counted(findings ?? 0, 'remark')} by ${linter}${missed}, apart from the audit.`,
    });
  },
  'finding.claimed': ({ invariant }) =>
    told('contract', 'A model claimed a fault', { text: `${invariant ?? 'No exploit'}: claimed, not demonstrated.` }),
  'finding.demonstrated': ({ invariant }) =>
    told('contract', 'A claimed fault was demonstrated', {
      tone: 'fail',
      text: `${invariant}: a model's exploit broke it in a run.`,
    }),
  'contract.built': ({ contracts, compiler }) =>
    told('contract', 'Built', { tone: 'pass', text: `${counted(contracts, 'contract')}, by ${compiler}.` }),
  'variable.set': ({ name, version, visibility, mutability }) =>
    told('change', 'Owners set a variable', { text: `${name}, version ${version}, ${visibility}, ${mutability}.` }),
  'variable.refused': ({ code }) => told('change', 'A variable was refused', { tone: 'fail', text: code }),
  'owners.changed': ({ version, threshold }) =>
    told('change', 'The owners changed', { text: `Version ${version}; ${threshold} of them must sign.` }),
  'policy.changed': ({ version }) => told('change', 'Owners set the policy', { text: `Version ${version}.` }),
  'signing.paused': ({ paused, version }) =>
    told('change', paused ? 'An owner paused signing' : 'Owners resumed signing', { text: `Version ${version}.` }),
  'state.acknowledged': ({ chain_id: chain, account_nonce: nonce }) =>
    told('change', 'Owners acknowledged the state', { text: `Chain ${chain}, nonce ${nonce}.` }),
  'head.acknowledged': ({ size, without_witness: withoutWitness }) =>
    told('change', 'Owners acknowledged lost entries of the log', {
      text: `Up to entry ${size}.${withoutWitness === true ? ' The wallet goes on without the witness.' : ''}`,
    }),
  'state.anchored': ({ anchor, name, size }) =>
    told('decision', 'The log continues what others remember', {
      tone: 'pass',
      text:
        anchor === 'witness'
          ? `${counted(size, 'entry', 'entries')}, cosigned by ${name}.`
          : `${counted(size, 'entry', 'entries')}, as the caller remembers.`,
    }),
  'state.behind': ({ size }) =>
    told('change', 'The data directory was put back', {
      tone: 'fail',
      text: `A caller remembers ${counted(size, 'entry', 'entries')} that this log does not continue.`,
    }),
  'operator.refused': ({ message, code }) => told('change', `${message} was refused`, { tone: 'fail', text: code }),
  'decision.made': ({ outcome, path, rule, reason, caller, policy_version: version, action }) => {
    const { title, tone } = OUTCOMES[outcome] ?? { title: `Decided: ${outcome}`, tone: 'plain' as const };
    const by = action === 'cancel' ? `to cancel what rule ${rule} allowed` : rule ? `by rule ${rule}` : 'by default';
    const why = reason ? ` ${sentence(reason)}` : '';
    return told('decision', title, { tone, text: `${path} for ${caller}, ${by}, policy version ${version}.${why}` });
  },
  'approval.requested': ({ needed, chain_id: chain }) =>
    told('decision', 'Waits for owners', { tone: 'open', text: `${counted(needed, 'owner')} must sign, on chain ${chain}.` }),
  'authorization.signed': ({ delegate, chain_id: chain, account_nonce: nonce }) =>
    /^0x0+$/.test(delegate)
      ? told('transaction', 'Revoked delegation', {
          tone: 'pass',
          text: `On chain ${chain}, nonce ${nonce}: no code runs as the wallet.`,
        })
      : told('transaction', 'Delegated the wallet', {
          tone: 'open',
          text: `On chain ${chain}, nonce ${nonce}: the code of ${delegate} runs as the wallet, with all that it has.`,
        }),
  'transaction.signed': ({
    to,
    creates,
    value,
    chain_id: chain,
    account_nonce: nonce,
    rollback,
    simulation,
    blob_fee: blobs,
  }) =>
    told('transaction', 'Signed a transaction', {
      tone: 'pass',
      text: `${value} wei to ${to ?? `a new contract, ${creates}`}, on chain ${chain}, nonce ${nonce}.${blobs ? ` Its blobs cost at most ${blobs} wei.` : ''} Simulation: ${simulation}; rollback guard: ${rollback}.`,
    }),
  'transaction.sent': ({ taken, reason }) =>
    told('transaction', taken ? 'A node took the transaction' : 'No node took the transaction', {
      tone: taken ? 'pass' : 'open',
      text: reason ? sentence(reason) : '',
    }),
  'transaction.included': ({ chain_id: chain, block_number: block, success }) =>
    told('transaction', success ? 'The transaction is on the chain' : 'The transaction was reverted', {
      tone: success ? 'pass' : 'fail',
      text: `Block ${block} of chain ${chain}.`,
    }),
  'transaction.replaced': ({ replaced_by: other, block_number: block, chain_id: chain }) =>
    told('transaction', 'Another transaction took its place', {
      tone: 'open',
      text: `${other}, block ${block} of chain ${chain}.`,
    }),
  'transcript.bound': ({ index, channel }) =>
    told('answered', 'Bound to its session', { text: `Transcript ${index}, through ${channel}.` }),
  'transcripts.bundled': ({ count }) => told('file', 'Bundled the session', { text: counted(count, 'transcript') }),
  'comparison.planned': ({ tier }) =>
    told('model', 'Planned a comparison of models', { text: `By ${tier}. The key of its questions was fixed with the plan.` }),
  'models.compared': ({ verdict, queries }) =>
    told('finished', `Compared models: ${verdict}`, {
      tone: verdict === 'SAME' ? 'pass' : verdict === 'DIFFERENT' ? 'fail' : 'open',
      text: `After ${counted(queries, 'query', 'queries')}.`,
    }),
  'task.completed': ({ retries }) =>
    told('finished', 'Finished', {
      tone: 'pass',
      text: retries ? `After ${counted(retries, 'retry', 'retries')}.` : 'At the first attempt.',
    }),
  'task.failed': ({ code, error_hash: hash }, { payload }) =>
    code === 'task/cancelled'
      ? told('cancelled', 'Cancelled', { tone: 'open', text: code })
      : told('failed', 'Failed', { tone: 'fail', ...whyOf(code, textOf(hash, payload)) }),
  'response.returned': () => told('answered', 'Answered', { text: 'The receipt holds the hash of the whole answer.' }),
};

const DECISIONS: Readonly<Record<string, string>> = {
  run: 'It may run.',
  edited: 'It was changed, and may run as changed.',
  discarded: 'It may not run.',
  expired: 'Nothing was decided in time, so it did not run.',
};

const OUTCOMES: Readonly<Record<string, { readonly title: string; readonly tone: ToldStep['tone'] }>> = {
  allow: { title: 'The policy allowed it', tone: 'pass' },
  deny: { title: 'The policy denied it', tone: 'fail' },
  approve: { title: 'The policy wants the approval of the owners', tone: 'open' },
};

function modelText({ model, provider, provenance, error, finish_reason: finish }: EventOf<'model.called'>): string {
  return [
    model === provider ? `${model}.` : `${model}, through ${provider}.`,
    error ? `It gave no answer: ${error}.` : '',
    finish === 'length' ? 'The answer was cut off at its longest.' : '',
    PROVENANCES[provenance] ?? provenance,
  ]
    .filter((words) => words !== '')
    .join(' ');
}

function simulatedWords(simulated: boolean): string {
  return simulated ? ' Its TEE is SIMULATED.' : '';
}

function endOf({ status, exit_code: code }: EventOf<'code.executed'>): string {
  if (status === 'ok') return 'It ended well.';
  return code === null || code === undefined ? `It ended with ${status}.` : `It ended with ${status}, exit code ${code}.`;
}

/** Whether a model was asked after this attempt, and so was shown its error. */
function askedAfter(attempt: number | null | undefined, log: readonly ReceiptEvent[]): boolean {
  return log.some((event) => event.type === 'model.called' && Number(event.attempt ?? 1) > (attempt ?? 1));
}

/** The error of a run, under the name of what became of it; nothing when standard error says the same. */
function errorQuote(error: string | null, stderr: string | null, wentToModel: boolean): readonly Quote[] {
  if (wentToModel) return quote('What the model was shown', error, 'text');
  return error?.trim() === stderr?.trim() ? [] : quote('Error', error, 'text');
}

/** Why work failed: in a sentence; the raw answer, where the error is a member of it, stays folded. */
function whyOf(code: string, raw: string | null): Pick<ToldStep, 'text' | 'quotes'> {
  const answer = raw === null ? null : objectIn(raw);
  if (raw === null || answer === null) return { text: code, quotes: quote('Why', raw, 'text') };
  const error = [answer.error, answer.message].find((member): member is string => typeof member === 'string');
  const folded = quote('Raw answer', JSON.stringify(answer, null, 2), 'json', true);
  return { text: error === undefined ? code : `${code}: ${errorLine(error)}`, quotes: folded };
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

function sized(bytes: number): string {
  return counted(bytes, 'byte');
}
