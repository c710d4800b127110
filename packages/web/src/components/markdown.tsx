/**
 * Markdown of a model, drawn from its tokens: no text of it ever becomes HTML. Raw HTML is shown as the text it is; links lead to the web
 * only, and pictures are links, because fetching one would tell its server that the answer was read.
 */

import { lexer, type Token, type Tokens } from 'marked';
import { Fragment, type JSX } from 'preact';
import { Code } from './code.tsx';

/** Longer texts are shown plain. Characters. */
const MAX_MARKDOWN = 200_000;

/** @example <Markdown text="A receipt proves **what ran**." /> */
export function Markdown({ text }: { readonly text: string }): JSX.Element {
  if (text.length > MAX_MARKDOWN) return <pre class="output">{text}</pre>;
  return (
    <div class="prose">
      <Blocks tokens={lexer(text, { gfm: true })} />
    </div>
  );
}

function Blocks({ tokens }: { readonly tokens: readonly Token[] | undefined }): JSX.Element {
  return (
    <>
      {tokens?.map((token, index) => (
        <Fragment key={index}>{drawn(token)}</Fragment>
      ))}
    </>
  );
}

/** `marked` types tokens of extensions as anything; there are none here. */
function drawn(token: Token): JSX.Element | string | null {
  const known = token as Tokens.Generic & { readonly type: string };
  const inside = <Blocks tokens={known.tokens} />;
  switch (known.type) {
    case 'space':
    case 'def':
      return null;
    case 'paragraph':
      return <p>{inside}</p>;
    // Headings of the page are not the model's to make.
    case 'heading':
      return (
        <p>
          <strong>{inside}</strong>
        </p>
      );
    case 'strong':
      return <strong>{inside}</strong>;
    case 'em':
      return <em>{inside}</em>;
    case 'del':
      return <del>{inside}</del>;
    case 'br':
      return <br />;
    case 'hr':
      return <hr />;
    case 'codespan':
      return <code>{known.text}</code>;
    case 'code':
      return <Code text={String(known.text)} language={String(known.lang ?? '')} />;
    case 'blockquote':
      return <blockquote>{inside}</blockquote>;
    case 'list':
      return list(token as Tokens.List);
    case 'table':
      return table(token as Tokens.Table);
    case 'link':
      return link(String(known.href), inside);
    case 'image':
      return link(String(known.href), <>{known.text || 'picture'}</>);
    case 'text':
      return known.tokens === undefined ? String(known.text) : inside;
    case 'escape':
      return String(known.text);
    default:
      return known.raw;
  }
}

function list({ ordered, start, items }: Tokens.List): JSX.Element {
  const drawnItems = items.map((item, index) => (
    <li key={index}>
      <Blocks tokens={item.tokens} />
    </li>
  ));
  return ordered ? <ol start={start === '' ? 1 : start}>{drawnItems}</ol> : <ul>{drawnItems}</ul>;
}

function table({ header, rows }: Tokens.Table): JSX.Element {
  return (
    <div class="table-scroll">
      <table class="table">
        <thead>
          <tr>
            {header.map(({ tokens }, index) => (
              <th key={index} scope="col">
                <Blocks tokens={tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map(({ tokens }, column) => (
                <td key={column}>
                  <Blocks tokens={tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function link(href: string, inside: JSX.Element): JSX.Element {
  if (!/^https?:\/\//i.test(href)) return inside;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {inside}
    </a>
  );
}
