/** The highlighter, in a chunk of its own: pages without code do not load it. */

import highlighter from 'highlight.js/lib/core';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';

highlighter.registerLanguage('python', python);
highlighter.registerLanguage('javascript', javascript);
highlighter.registerLanguage('json', json);

/** HTML with span elements only; the text itself is escaped. `null` for a language it does not know. */
export function highlight(text: string, language: string): string | null {
  return highlighter.getLanguage(language) === undefined ? null : highlighter.highlight(text, { language }).value;
}
