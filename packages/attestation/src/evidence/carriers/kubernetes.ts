/**
 * Members of a Kubernetes Secret or ConfigMap, as `kubectl get -o yaml` and `-o json` print them: the values under `data`, decoded where
 * they are base64, and `stringData` as it is. One member a line in YAML; folded and block values are not read.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { jsonObjectIn } from '../reading.ts';

const MAX_MEMBERS = 8;
const KIND = /(?:^|[{,])[ \t]{0,8}"?kind"?[ \t]{0,8}:[ \t]{0,8}"?(?:Secret|ConfigMap)\b/m;
const YAML_MEMBER = /^[ \t]{1,8}([A-Za-z0-9._-]{1,253}):[ \t]{1,8}["']?([A-Za-z0-9+/=]{16,})["']?[ \t]*$/;

/** The values, in order; none when `text` is something else. */
export function kubernetesMembers(text: string): readonly Uint8Array[] {
  if (!text.includes('Secret') && !text.includes('ConfigMap')) return [];
  if (!KIND.test(text.slice(0, 65_536)) && !KIND.test(text.slice(-65_536))) return [];
  const json = jsonObjectIn(utf8(text));
  const values = json === null ? yamlValues(text) : jsonValues(json.data ?? json.stringData);
  return values.slice(0, MAX_MEMBERS).map(decoded);
}

function yamlValues(text: string): readonly string[] {
  return text.split(/\r?\n/).flatMap((line) => (line.length < 4_194_304 ? (YAML_MEMBER.exec(line)?.[2] ?? []) : []));
}

function jsonValues(data: unknown): readonly string[] {
  const values = typeof data === 'object' && data !== null && !Array.isArray(data) ? Object.values(data) : [];
  return values.filter((value): value is string => typeof value === 'string');
}

/** Secrets are base64; a ConfigMap's values are text. */
function decoded(value: string): Uint8Array {
  try {
    return decodeBase64(value);
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return utf8(value);
  }
}
