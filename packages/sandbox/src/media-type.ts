/** Media type by content, never by name alone: an artifact's name is chosen by the code that ran. */

const SIGNATURES: readonly { readonly type: string; readonly at: number; readonly bytes: readonly number[] }[] = [
  { type: 'image/png', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { type: 'image/jpeg', at: 0, bytes: [0xff, 0xd8, 0xff] },
  { type: 'image/gif', at: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  { type: 'image/webp', at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
  { type: 'application/pdf', at: 0, bytes: [0x25, 0x50, 0x44, 0x46, 0x2d] },
  { type: 'application/zip', at: 0, bytes: [0x50, 0x4b, 0x03, 0x04] },
  { type: 'application/gzip', at: 0, bytes: [0x1f, 0x8b] },
  { type: 'application/vnd.sqlite3', at: 0, bytes: [...'SQLite format 3\0'].map((c) => c.charCodeAt(0)) },
  { type: 'application/vnd.apache.parquet', at: 0, bytes: [0x50, 0x41, 0x52, 0x31] },
  { type: 'application/wasm', at: 0, bytes: [0x00, 0x61, 0x73, 0x6d] },
];

/** Text formats told apart by name, because their content does not. All are shown as text, none as active content. */
const TEXT_TYPES: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  md: 'text/markdown',
  html: 'text/html',
  htm: 'text/html',
  svg: 'image/svg+xml',
};

/**
 * Sniffs the media type of a collected file. Unknown binary is `application/octet-stream`, unknown text `text/plain`.
 *
 * @example
 * sniffMediaType('/tmp/chart.png', bytes); // 'image/png' only when the bytes are a PNG
 */
export function sniffMediaType(path: string, bytes: Uint8Array): string {
  for (const { type, at, bytes: wanted } of SIGNATURES) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return type;
  }
  if (!isText(bytes)) return 'application/octet-stream';
  const extension = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  const byName = TEXT_TYPES[extension];
  if (byName === 'application/json' && !isJson(bytes)) return 'text/plain';
  if (byName === 'image/svg+xml' && !/<svg[\s>]/.test(new TextDecoder().decode(bytes.subarray(0, 4096)))) return 'text/plain';
  return byName ?? 'text/plain';
}

function isText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, 64 * 1024);
  for (const byte of sample) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c && byte !== 0x1b) return false;
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: sample.length < bytes.length });
    return true;
  } catch {
    return false;
  }
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}
