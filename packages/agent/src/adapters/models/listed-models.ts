/** Which models an OpenAI-compatible endpoint lists, and the one that is asked when no setting names one. */

import { type ModelConfig, UNNAMED_MODEL } from '../../config.ts';
import { ServerError } from '../../errors.ts';
import { patientFetch } from '../patient-fetch.ts';
import { MAX_REPLY_BYTES, readBody } from './exchange.ts';

const PATIENCE_MS = 1500;

/** What an endpoint said of its models. `unlisted`: it answers, and not with a list. */
export type ListedModels =
  | { readonly kind: 'listed'; readonly names: readonly string[] }
  | { readonly kind: 'unlisted' | 'unauthorized' | 'unreachable' };

/** Asks `GET {base}/models`, for at most 1.5 s. */
export async function listedModels({ base, apiKey }: Pick<ModelConfig, 'base' | 'apiKey'>): Promise<ListedModels> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await patientFetch(`${base}/models`, {
      headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
      redirect: 'error',
      signal,
    });
    if (response.status === 401 || response.status === 403) {
      await response.body?.cancel();
      return { kind: 'unauthorized' };
    }
    return namesIn(new TextDecoder().decode(await readBody(response, { most: MAX_REPLY_BYTES, signal })));
  } catch {
    return { kind: 'unreachable' };
  }
}

/**
 * The configuration with the model named.
 * @throws {ServerError} `config/missing-key` when no setting names one and the endpoint does not list any.
 */
export async function withNamedModel(config: ModelConfig): Promise<ModelConfig> {
  if (config.model !== UNNAMED_MODEL || config.provider !== 'custom') return config;
  const listed = await listedModels(config);
  const [first] = listed.kind === 'listed' ? listed.names : [];
  if (first !== undefined) return { ...config, model: first };
  const why = listed.kind === 'unreachable' ? 'does not answer' : 'does not list its models';
  const message = `AI_MODEL is needed: ${config.base} ${why}; set the model's name, or check the address`;
  throw new ServerError('config/missing-key', message);
}

function namesIn(text: string): ListedModels {
  try {
    const { data } = JSON.parse(text) as { readonly data?: unknown };
    if (!Array.isArray(data)) return { kind: 'unlisted' };
    const names = data.map((entry: unknown) => String((entry as { readonly id?: unknown } | null)?.id ?? ''));
    return { kind: 'listed', names: names.filter((name) => name !== '') };
  } catch {
    return { kind: 'unlisted' };
  }
}
