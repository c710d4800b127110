/** A task as the form of `/developer` makes it. */

export interface UploadedFile {
  readonly path: string;
  readonly content_base64: string;
}

export interface TaskRequest {
  readonly type: 'ai_generate_and_execute' | 'execute';
  readonly language: 'python' | 'javascript' | 'shell';
  readonly description?: string;
  readonly code?: string;
  readonly context?: unknown;
  readonly max_retries?: number;
  /** The code waits for a person before it runs. */
  readonly review?: boolean;
  readonly include_attestation?: boolean;
  readonly files?: readonly UploadedFile[];
  readonly [member: string]: unknown;
}
