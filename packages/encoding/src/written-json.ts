/**
 * JSON whose numbers keep the digits in which they were written. A double holds neither `1000000000000000001` nor the difference
 * between `100` and `100.0`; code that passes JSON on must not read and write it through one.
 *
 * Uses source text access of `JSON.parse` (https://tc39.es/proposal-json-parse-with-source/). It does not check the JSON as strictly as
 * `json.ts` does.
 */

interface RawJson {
  parse(text: string, reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON?(text: string): unknown;
}

const raw = JSON as unknown as RawJson;

/**
 * The value of `text`, in which every number is an object that `JSON.stringify` writes as it stood. Engines without source text access
 * (before Node 22) give plain numbers.
 *
 * @throws {SyntaxError} for text that is not JSON.
 * @example JSON.stringify(parseWrittenJson('{"wei":1000000000000000001}')) // '{"wei":1000000000000000001}'
 */
export function parseWrittenJson(text: string): unknown {
  return raw.parse(text, (_name, value, context) =>
    typeof value === 'number' && context?.source !== undefined && raw.rawJSON !== undefined
      ? raw.rawJSON(context.source)
      : value,
  );
}
