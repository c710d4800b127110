import { type ComponentChildren, cloneElement, type JSX } from 'preact';

interface FieldProps {
  /** Id of the control inside. */
  readonly id: string;
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly fault?: string | undefined;
  /** The control: it is given its id, and what says whether it is at fault and where its hint stands. */
  readonly children: JSX.Element;
}

/**
 * Label, control, hint and fault of one thing to fill in.
 * @example <Field id="nonce" label="Nonce"><input class="input mono" /></Field>
 */
export function Field({ id, label, hint, fault = '', children }: FieldProps): JSX.Element {
  const wired = {
    id,
    ...(hint === undefined ? {} : { 'aria-describedby': `${id}-hint` }),
    ...(fault === '' ? {} : { 'aria-invalid': true }),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {cloneElement(children, wired)}
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
