/** From an offset in code to the line of source that it came from, by the compiler's source map. */

export interface SourcePlace {
  readonly source: string;
  /** From 1. */
  readonly line: number;
}

export interface SourcePlaceOptions {
  readonly code: Uint8Array;
  /** As the compiler gives it, compressed. */
  readonly sourceMap: string;
  readonly offset: number;
  /** Source of each number. */
  readonly sourceOf: (id: number) => { readonly name: string; readonly text: string } | null;
}

const PUSH1 = 0x60;
const PUSH32 = 0x7f;

/**
 * The place, or `null` for code that the compiler wrote by itself or for bytes behind the code.
 * @example
 * const place = sourcePlace({ code, sourceMap, offset: 0, sourceOf });
 * if (place !== null) console.log(`${place.source}:${place.line}`);
 */
export function sourcePlace({ code, sourceMap, offset, sourceOf }: SourcePlaceOptions): SourcePlace | null {
  const wanted = instructionAt(code, offset);
  let start = 0;
  let file = -1;
  for (const [index, entry] of sourceMap.split(';').entries()) {
    const [from = '', , id = ''] = entry.split(':');
    if (from !== '') start = Number(from);
    if (id !== '') file = Number(id);
    if (index < wanted) continue;
    const source = sourceOf(file);
    if (source === null) return null;
    const before = new TextDecoder().decode(new TextEncoder().encode(source.text).subarray(0, start));
    return { source: source.name, line: before.split('\n').length };
  }
  return null;
}

/** Number of the instruction that the byte belongs to. */
function instructionAt(code: Uint8Array, offset: number): number {
  let index = 0;
  for (let at = 0; at < code.length; index += 1) {
    const operation = code[at] ?? 0;
    const next = at + 1 + (operation >= PUSH1 && operation <= PUSH32 ? operation - PUSH1 + 1 : 0);
    if (offset < next) return index;
    at = next;
  }
  return index;
}
