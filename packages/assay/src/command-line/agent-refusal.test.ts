/** A no of the agent keeps the code that the agent gave, and ends a command with the exit code of its kind. */

import { expect, test } from 'vitest';
import { agentRefusal } from './agent-refusal.ts';
import { exitCodeOfKind } from './exit-codes.ts';

test.each<[string, number, string | null, string | null, number]>([
  ['a denial by the policy', 403, 'operator/denied', 'operator/denied', 5],
  ['a pause', 403, 'operator/paused', 'operator/paused', 5],
  ['too few owners', 403, 'operator/too-few-signers', 'operator/too-few-signers', 5],
  ['a signature that is not genuine', 403, 'operator/signature-invalid', 'operator/signature-invalid', 3],
  ['a message that was sent before', 409, 'operator/replayed', 'operator/replayed', 5],
  ['a message that is malformed', 400, 'operator/message-malformed', 'operator/message-malformed', 2],
  ['an agent without owners', 404, 'operator/absent', 'operator/absent', 1],
  ['a node that does not answer', 502, 'operator/node-unreachable', 'operator/node-unreachable', 4],
  ['a key without the scope', 403, 'http/scope-missing', 'http/scope-missing', 5],
  ['a no without a code', 403, null, 'cli/agent-refused', 5],
  ['a code that is none', 403, 'x\n[operator/paused]', 'cli/agent-refused', 5],
  ['a name that every object has', 403, 'operator/constructor', 'operator/constructor', 5],
])('%s', (_, status, code, shown, exit) => {
  const error = agentRefusal({ status, code, message: 'the agent says no; ask its owners' });
  expect([error?.code, error === null ? null : exitCodeOfKind(error.kind)]).toEqual([shown, exit]);
});

test.each([
  ['a full disk', 507, 'ledger/full'],
  ['a busy agent', 503, 'server/busy'],
  ['a page of a gateway', 502, null],
])('%s is no refusal', (_, status, code) => {
  expect(agentRefusal({ status, code, message: 'later; try again' })).toBeNull();
});
