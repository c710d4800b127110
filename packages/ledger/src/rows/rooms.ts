/** Every room with tables of its own. A new one is a folder, and one line here. */

import type { Json } from '@assay/encoding/json';
import { COORDINATION } from '../coordination/operations.ts';
import { FLEET } from '../fleet/operations.ts';
import { JOBS } from '../jobs/operations.ts';
import { KEYS } from '../keys/operations.ts';
import { UPKEEP_LOG } from '../upkeep-log/operations.ts';
import type { Room, RoomOperation } from './operation.ts';

const ROOMS: readonly Room[] = [JOBS, KEYS, COORDINATION, FLEET, UPKEEP_LOG];

const OPERATIONS = new Map(ROOMS.flatMap(({ operations }) => operations.map((operation) => [operation.name, operation])));

/**
 * An operation by its name.
 * @throws {Error} for a name that no room has.
 */
export function operationNamed(name: string): RoomOperation<unknown, Json> {
  const operation = OPERATIONS.get(name);
  if (operation === undefined) throw new Error(`no room has the operation ${name}`);
  return operation;
}
