/**
 * Text documents around evidence: UTF-16 (as PowerShell writes files), Markdown fences, and HTTP answers saved with their heads.
 * Not checked here: anything; what comes out is verified like any file.
 */

import { utf8 } from '@assay/encoding/bytes';

const MAX_FENCES = 8;
/** `HTTP/`. */
const HTTP = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f);
/** Issuer chains in headers take about 4 KiB each, bytes. */
const MAX_HEAD = 1 << 16;
const MAX_HEADS = 8;

/** The UTF-8 of UTF-16 text, marked as such or plainly ASCII in two bytes each; `null` for anything else. */
export function utf16Text(file: Uint8Array): Uint8Array | null {
  const [first, second] = file;
  if (file.length < 4 || file.length % 2 !== 0) return null;
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const big = marked ? first === 0xfe : first === 0;
  const sample = file.subarray(0, 512);
  const plain = sample.every((byte, index) => (index % 2 === (big ? 0 : 1) ? byte === 0 : byte >= 0x09 && byte < 0x7f));
  if (!marked && !plain) return null;
  try {
    return utf8(new TextDecoder(big ? 'utf-16be' : 'utf-16le', { fatal: true }).decode(file));
  } catch {
    return null;
  }
}

/** The contents of the fences in Markdown, in order; none when `text` has none. */
export function fencedBlocks(text: string): readonly string[] {
  const blocks: string[] = [];
  let open: { readonly mark: string; readonly lines: string[] } | null = null;
  if (!/^ {0,3}(?:```|~~~)/m.test(text)) return [];
  for (const line of text.split(/\r?\n/)) {
    const mark = /^ {0,3}(`{3,16}|~{3,16})/.exec(line)?.[1];
    if (open === null) {
      if (mark !== undefined) open = { mark, lines: [] };
    } else if (mark?.startsWith(open.mark) === true && line.trim() === mark) {
      if (blocks.length < MAX_FENCES) blocks.push(open.lines.join('\n'));
      open = null;
    } else open.lines.push(line);
  }
  // A copy that lost its last line still has its content.
  if (open !== null && blocks.length < MAX_FENCES) blocks.push(open.lines.join('\n'));
  return blocks.filter((block) => block.trim() !== '');
}

/**
 * Heads and body of an HTTP answer saved whole (`curl -i`) or its heads alone (`curl -D`); with redirects or `100 Continue`, several
 * heads. `null` for anything else.
 */
export function httpAnswer(file: Uint8Array): { readonly heads: readonly Uint8Array[]; readonly body: Uint8Array } | null {
  const heads: Uint8Array[] = [];
  let rest = file;
  while (heads.length < MAX_HEADS && HTTP.every((byte, index) => rest[index] === byte)) {
    const head = new TextDecoder('latin1').decode(rest.subarray(0, MAX_HEAD));
    const end = /\r?\n\r?\n/.exec(head);
    if (end === null) return rest.length > MAX_HEAD ? null : { heads: [...heads, rest], body: new Uint8Array(0) };
    heads.push(rest.subarray(0, end.index));
    rest = rest.subarray(end.index + end[0].length);
  }
  return heads.length === 0 ? null : { heads, body: rest };
}
