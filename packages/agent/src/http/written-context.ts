/**
 * The `context` of a task as the client wrote it. What the strict reader makes of a body has doubles for numbers; the model and its
 * program must see the digits that were sent.
 */

import { parseWrittenJson } from '@assay/encoding/written-json';

type Members = Readonly<Record<string, unknown>>;

/**
 * The JSON text of the context in a request, indented; `null` when there is none. The body must have passed the strict reader.
 *
 * @example writtenContext('{"data":{"context":{"wei":1000000000000000001}}}') // '{\n  "wei": 1000000000000000001\n}'
 */
export function writtenContext(body: string): string | null {
  if (!body.includes('"context"') && !body.includes('\\u')) return null;
  const request = membersOf(parseWrittenJson(body));
  const data = request.data === undefined || request.data === null ? {} : membersOf(request.data);
  const parameters = membersOf(request.parameters ?? {});
  const context = Object.hasOwn(data, 'context') ? data.context : parameters.context;
  return context === undefined || context === null ? null : JSON.stringify(context, null, 2);
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}
