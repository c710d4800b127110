/**
 * Events of a receipt that an answer is held to. Readers ignore an event that lacks a member they know (spec/receipt.md §2); where something rests on
 * it, ignoring it would pass over what the agent signed.
 */

import { type EventOf, eventsOf, type KnownEventType, type Receipt } from '@assay/receipt';
import { ClientError } from '../errors.ts';

/**
 * The events of a type, in order, with every member that is read.
 * @throws {ClientError} `client/receipt-mismatch` for one that lacks a member, or has it in another form.
 * @example const [received] = wholeEvents(receipt, 'request.received');
 */
export function wholeEvents<Type extends KnownEventType>(
  { receipt_id: id, event_log: events }: Receipt,
  type: Type,
): readonly EventOf<Type>[] {
  const found = eventsOf(events, type);
  const all = events.filter((event) => event.type === type).length;
  if (found.length === all) return found;
  throw new ClientError(
    'client/receipt-mismatch',
    `expected every member in the events ${type} of receipt ${id}, got ${all - found.length} without; do not rely on the answer`,
    { details: { receipt: id, type } },
  );
}
