import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon.tsx';

interface Look {
  readonly kind?: 'plain' | 'primary' | 'quiet' | 'danger' | undefined;
  readonly small?: boolean | undefined;
  readonly icon?: IconName | undefined;
  readonly children: ComponentChildren;
}

/** What the button does when pressed; `submit` for the one that sends its form. */
export interface ButtonProps extends Look {
  readonly type?: 'button' | 'submit' | undefined;
  readonly disabled?: boolean | undefined;
  readonly onClick?: (() => void) | undefined;
}

function classOf({ kind = 'plain', small = false }: Look): string {
  return `button is-${kind}${small ? ' is-small' : ''}`;
}

/**
 * A button.
 * @example <Button kind="primary" icon="play" onClick={start}>Start</Button>
 */
export function Button({ type = 'button', disabled, onClick, icon, children, ...look }: ButtonProps): JSX.Element {
  return (
    <button type={type} class={classOf({ ...look, children })} disabled={disabled} onClick={onClick}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A link that looks like a button: it goes somewhere, it changes nothing. */
export function ButtonLink({ href, icon, children, ...look }: Look & { readonly href: string }): JSX.Element {
  return (
    <a class={classOf({ ...look, children })} href={href}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </a>
  );
}
