/** The steps of a task as lines for people. */

import type { TaskStep } from '../index.ts';
import { printable, type Style } from './output.ts';

/** One line, or `null` for events that are no step. */
export function describeStep(event: TaskStep, style: Style): string | null {
  const attempt = Number(event.attempt ?? 1);
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  const line = (word: string, rest: string): string => `${style.strong(word.padEnd(9))}${printable(rest)}${again}\n`;
  switch (event.type) {
    case 'writing':
      return line(
        'writing',
        `${String(event.provider)} ${String(event.model)}${event.recorded === true ? ' — RECORDED, no model runs' : ''}`,
      );
    case 'queued':
      return line('queued', `${String(event.ahead)} ahead`);
    case 'code':
      return line('code', `${String(event.code).split('\n').length} lines of ${String(event.language)}`);
    case 'running':
      return line('running', `in the ${String(event.lane)} sandbox`);
    case 'artifact':
      return line('file', `${String(event.path)}, ${String(event.bytes)} bytes`);
    case 'compiling':
      return line('compiling', `${String(event.sources)} sources with solc ${String(event.compiler)}`);
    case 'limit':
      return line('limit', String(event.message));
    case 'executed':
      return line('ended', (event.error ?? null) === null ? String(event.status) : lastLine(String(event.error)));
    case 'retry':
      return line('retry', lastLine(String(event.reason)));
    case 'sealing':
      return line('sealing', 'signing the receipt');
    case 'logged':
      return line('logged', `entry ${String(event.log_index)}`);
    default:
      return null;
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
