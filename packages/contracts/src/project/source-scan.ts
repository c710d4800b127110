/**
 * Finds `import` and `pragma solidity` in Solidity source without compiling it: comments and strings are skipped, so that neither can
 * hide or feign one. Linear in the source. What is found here chooses files and compiler only; the compiler decides what is valid.
 */

export interface SourceFacts {
  /** Paths as they are written, without repetition. */
  readonly imports: readonly string[];
  /** Version ranges as they are written, e.g. `^0.8.0`. */
  readonly pragmas: readonly string[];
}

/** One word, string, or mark; comments and white space between them are dropped. */
const TOKEN = /\/\/[^\n\r]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[A-Za-z_$][\w$]*|[;{}]|[^\s]/gy;
const WHITE = /\s+/y;

/**
 * The imports and pragmas of one source.
 * @example scanSource('pragma solidity ^0.8.0; import "./A.sol";') // { imports: ['./A.sol'], pragmas: ['^0.8.0'] }
 */
export function scanSource(text: string): SourceFacts {
  const imports = new Set<string>();
  const pragmas: string[] = [];
  let statement: { readonly word: 'import' | 'pragma'; readonly from: number; path: string | null } | null = null;
  let depth = 0;
  let begins = true;
  for (const { token, at } of tokens(text)) {
    if (statement !== null) {
      if (token === ';') {
        const body = text.slice(statement.from, at);
        if (statement.word === 'import' && statement.path !== null) imports.add(statement.path);
        const range = /^\s*solidity\b([\s\S]*)$/.exec(withoutComments(body))?.[1]?.trim();
        if (statement.word === 'pragma' && range !== undefined) pragmas.push(range.replace(/\s+/g, ' '));
        statement = null;
        begins = true;
      } else if (token.length > 1 && (token.startsWith('"') || token.startsWith("'"))) {
        // The path is the last string: `import "a.sol" as b`, `import {a} from "b.sol"`.
        statement.path = unquoted(token);
      }
      continue;
    }
    if (depth === 0 && begins && (token === 'import' || token === 'pragma')) {
      statement = { word: token, from: at + token.length, path: null };
      continue;
    }
    if (token === '{') depth += 1;
    else if (token === '}') depth = Math.max(0, depth - 1);
    begins = token === ';' || token === '}';
  }
  return { imports: [...imports], pragmas };
}

function* tokens(text: string): Generator<{ readonly token: string; readonly at: number }> {
  for (let at = 0; at < text.length; ) {
    WHITE.lastIndex = at;
    const white = WHITE.exec(text)?.[0].length ?? 0;
    at += white;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return;
    if (!token.startsWith('//') && !token.startsWith('/*')) yield { token, at };
    at += token.length;
  }
}

/** The text with one space in place of each comment and each run of white space. */
function withoutComments(text: string): string {
  let written = '';
  let end = 0;
  for (const { token, at } of tokens(text)) {
    written += at > end ? ` ${token}` : token;
    end = at + token.length;
  }
  return written;
}

/** Escapes in paths are next to unknown; the ones for quotes and backslashes are read, others kept as they are. */
function unquoted(token: string): string {
  const closed = token.length > 1 && token.endsWith(token.charAt(0));
  return token.slice(1, closed ? -1 : undefined).replace(/\\(["'\\])/g, '$1');
}
