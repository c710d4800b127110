import type { ComponentChildren, JSX } from 'preact';

interface FieldProps {
  /** Id of the control inside. Its hint has the id `${id}-hint`, for `aria-describedby`. */
  readonly id: string;
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly fault?: string | undefined;
  readonly children: ComponentChildren;
}

/**
 * Label, control, hint and fault of one thing to fill in.
 * @example <Field id="nonce" label="Nonce"><input id="nonce" class="input mono" /></Field>
 */
export function Field({ id, label, hint, fault = '', children }: FieldProps): JSX.Element {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {fault !== '' && (
        <p class="field-fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}
