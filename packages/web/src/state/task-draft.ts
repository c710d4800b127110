/** A task while it is written down, and the request that it becomes. */

import type { TaskRequest, UploadedFile } from './task-request.ts';

export interface TaskDraft {
  readonly mode: 'generate' | 'own-code';
  readonly language: TaskRequest['language'];
  readonly description: string;
  readonly code: string;
  /** JSON text, as typed. */
  readonly context: string;
  readonly retries: number;
  readonly attestation: boolean;
  readonly review: boolean;
  readonly files: readonly UploadedFile[];
  /** Members of the request that the form does not show. */
  readonly others: Readonly<Record<string, unknown>>;
}

export const EMPTY_DRAFT: TaskDraft = {
  mode: 'generate',
  language: 'python',
  description: '',
  code: '',
  context: '',
  retries: 2,
  attestation: false,
  review: false,
  files: [],
  others: {},
};

/** The request; `null` when the context is no JSON object. */
export function requestIn(draft: TaskDraft): TaskRequest | null {
  const { mode, language, description, code, files, retries, review, attestation, others } = draft;
  const shared = { ...others, language, files, include_attestation: attestation };
  if (mode === 'own-code') return { ...shared, type: 'execute', code };
  const context = contextIn(draft.context);
  if (context === undefined) return null;
  const max_retries = Number.isInteger(retries) ? retries : EMPTY_DRAFT.retries;
  return { ...shared, type: 'ai_generate_and_execute', description, context, max_retries, review };
}

/** What another task was asked for, to be changed. Tasks of other types become code of one's own where they have some. */
export function draftOf(request: Readonly<Record<string, unknown>>): TaskDraft {
  const { type, language, description, code, command, context, max_retries, include_attestation, review, files, ...others } =
    request;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    mode: type === 'ai_generate_and_execute' ? 'generate' : 'own-code',
    language: languageOf(type, language),
    description: text(description),
    code: text(code) || text(command),
    context: context === undefined || context === null ? '' : JSON.stringify(context, null, 2),
    retries: typeof max_retries === 'number' ? max_retries : EMPTY_DRAFT.retries,
    attestation: include_attestation === true,
    review: review === true,
    files: filesOf(files),
    others,
  };
}

/** `undefined` for text that is no JSON object; nothing is `null`. */
function contextIn(text: string): object | null | undefined {
  if (text.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function languageOf(type: unknown, language: unknown): TaskDraft['language'] {
  if (language === 'javascript' || language === 'shell') return language;
  if (type === 'nodejs') return 'javascript';
  return type === 'shell' ? 'shell' : 'python';
}

function filesOf(files: unknown): readonly UploadedFile[] {
  if (!Array.isArray(files)) return [];
  return files.filter(
    (file): file is UploadedFile => typeof file?.path === 'string' && typeof file?.content_base64 === 'string',
  );
}
