/** Errors of the prompt endpoints, in the shape of OpenAI's API (ACI §10). */

export type InferenceErrorType =
  | 'invalid_request_error'
  | 'upstream_verification_failed'
  | 'session_not_accepted'
  | 'model_not_connected'
  | 'upstream_error'
  | 'server_busy'
  | 'not_found'
  | 'unauthorized';

export class InferenceError extends Error {
  readonly status: number;
  readonly type: InferenceErrorType;
  readonly param: string | null;
  /** Seconds after which the request may be sent again; `null` when waiting alone changes nothing. */
  readonly retryAfterSeconds: number | null;

  constructor(
    status: number,
    type: InferenceErrorType,
    message: string,
    param: string | null = null,
    retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.name = 'InferenceError';
    this.status = status;
    this.type = type;
    this.param = param;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The body that clients of OpenAI's API understand. */
  get body(): {
    readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
  } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.type } };
  }
}
