/** What a reader of one container finds in model files. */

import type { TensorEntry } from './tensor-list.ts';

export interface ModelParts {
  readonly container: 'gguf' | 'safetensors';
  readonly architecture: { readonly name: string; readonly digest: string };
  /** Lower-case hex, `null` when the files hold none. */
  readonly tokenizer: string | null;
  readonly chatTemplate: string | null;
  readonly tensors: readonly TensorEntry[];
  readonly tensorBytes: number;
  /** Names of files that the identity says nothing about. */
  readonly uncovered: readonly string[];
}
