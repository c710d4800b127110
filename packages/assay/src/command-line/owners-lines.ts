/** Owners of an agent and what they set, for people who are about to sign. */

import { counted } from '@assay/encoding/counted';
import { explainPolicy, type SigningPolicy } from '@assay/operator';
import type { ShownAgent, WaitingTransaction } from '../owners/shown-agent.ts';
import type { Io } from './io.ts';
import { minuteOf, table, wrapped } from './layout.ts';
import { printable, styleOf } from './output.ts';

/** What is in force, and what waits for an approval. */
export function ownersLines(config: ShownAgent, waiting: readonly WaitingTransaction[], io: Io): string {
  const style = styleOf(io);
  const { agent_id: id, wallet, control, policy } = config;
  const { owners, paused } = control;
  const signing = paused.paused
    ? style.bad('paused by an owner: nothing')
    : policy === null
      ? style.open('nothing: there is no policy')
      : style.good('what the policy allows');
  const rows = [
    ['agent', printable(id, { full: true })],
    ['wallet', printable(wallet.address ?? 'none')],
    ['owners', `${owners.threshold} of ${owners.addresses.length} must sign`],
    ...owners.addresses.map((address) => ['', printable(address)]),
    ['signs', signing],
    ['waits', waiting.length === 0 ? 'nothing' : `${counted(waiting.length, 'transaction')} for an approval`],
  ];
  const described = policy === null ? '' : `\npolicy, version ${control.policy.version}\n${policyLines(policy, io)}`;
  return `${table(rows, { columns: io.columns })}${waiting.map((each) => waitingLines(each, io)).join('')}${described}`;
}

/** A transaction that waits, whole: owners approve all of it. */
export function waitingLines(waiting: WaitingTransaction, io: Io): string {
  const { hash, chain_id: chain, to, value, data, delegates_to: delegate, blobs, expiry } = waiting;
  const style = styleOf(io);
  const whole = (text: string): string => printable(text, { full: true });
  const line = (text: string): string => wrapped(`  ${text}`, io.columns, 2);
  const ends = delegate !== null && /^0x0+$/.test(delegate);
  return [
    `\n${style.strong(whole(hash))}\n`,
    line(`${whole(value)} wei to ${whole(to ?? 'a new contract')} on chain ${chain}, until ${minuteOf(expiry * 1000)}`),
    delegate === null
      ? ''
      : line(
          ends
            ? style.open('ends the delegation of the wallet to a contract')
            : style.bad(`lets the contract ${whole(delegate)} spend everything in the wallet, on chain ${chain}, from then on`),
        ),
    blobs === 0 ? '' : line(`with ${counted(blobs, 'blob')}`),
    data === '0x' ? '' : line(`with calldata ${whole(data)}`),
  ].join('');
}

/** A policy in sentences, rule by rule. */
export function policyLines(policy: SigningPolicy, io: Io): string {
  const style = styleOf(io);
  const { chains, rules, always } = explainPolicy(policy);
  const line = (text: string, indent = 2): string => wrapped(`${' '.repeat(indent)}${text}`, io.columns, indent + 2);
  const shown = (text: string): string => printable(text, { full: true });
  return [
    ...rules.flatMap(({ id, effect, summary, conditions }) => [
      line(`${(effect === 'allow' ? style.good : style.bad)(effect)}  ${style.strong(shown(id))}  ${shown(summary)}`),
      ...conditions.map((sentence) => line(shown(sentence), 4)),
    ]),
    ...[...chains, ...always].map((sentence) => line(shown(sentence))),
  ].join('');
}
