/** W3C Canonical XML 1.0/1.1 §3 and Exclusive Canonicalization §2.2, on the part of XML that the strict reader lets through. */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { expectCode } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { type Canonicalization, canonicalize } from './canonical-xml.ts';
import { parseXml, type XmlElement } from './xml.ts';

function canonical(xml: string, method: Canonicalization = 'inclusive'): string {
  return decodeUtf8(canonicalize(parseXml(utf8(xml)), method));
}

/** The first element with this local name, and its ancestors, outermost first. */
function find(element: XmlElement, name: string, ancestors: readonly XmlElement[] = []): readonly XmlElement[] | null {
  if (element.name === name) return [...ancestors, element];
  for (const child of element.children) {
    const found = typeof child === 'string' ? null : find(child, name, [...ancestors, element]);
    if (found !== null) return found;
  }
  return null;
}

function canonicalPart(xml: string, name: string, method: Canonicalization): string {
  const path = find(parseXml(utf8(xml)), name) ?? [];
  return decodeUtf8(canonicalize(path.at(-1) as XmlElement, method, { ancestors: path.slice(0, -1) }));
}

describe('whole documents', () => {
  test.each([
    ['empty elements are spelled out', '<a><b/></a>', '<a><b></b></a>'],
    ['the xml declaration goes', '<?xml version="1.0" encoding="UTF-8"?>\n<a/>\n', '<a></a>'],
    ['white space in tags goes', '<a  x = "1"\n y="2" ></a >', '<a x="1" y="2"></a>'],
    ['attributes are sorted by name', '<a z="1" b="2"/>', '<a b="2" z="1"></a>'],
    [
      'attributes are sorted by namespace first, unqualified ones before',
      '<e xmlns:b="http://www.ietf.org" xmlns:a="http://www.w3.org" a:attr="out" b:attr="sorted" attr2="all" attr="I\'m"/>',
      '<e xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I\'m" attr2="all" b:attr="sorted" a:attr="out"></e>',
    ],
    ['superfluous declarations go', '<a xmlns:p="u:1"><b xmlns:p="u:1" p:x="1"/></a>', '<a xmlns:p="u:1"><b p:x="1"></b></a>'],
    [
      'changed declarations stay',
      '<a xmlns="u:1"><b xmlns=""><c xmlns=""/></b></a>',
      '<a xmlns="u:1"><b xmlns=""><c></c></b></a>',
    ],
    ['an empty default namespace on top goes', '<a xmlns=""/>', '<a></a>'],
    ['line ends become one', '<a>x\r\ny\rz</a>', '<a>x\ny\nz</a>'],
    ['references are replaced', '<a b="&lt;&#x41;&#66;">&gt;&amp;&#xe9;</a>', '<a b="&lt;AB">&gt;&amp;é</a>'],
    ['carriage returns by reference are kept', '<a b="&#xD;&#x9;&#xA;">&#xD;</a>', '<a b="&#xD;&#x9;&#xA;">&#xD;</a>'],
    ['literal white space in attributes becomes spaces', '<a b="x\ty\nz"/>', '<a b="x y z"></a>'],
    ['quotes in attributes are escaped, in text not', '<a b=\'"\'>"</a>', '<a b="&quot;">"</a>'],
  ])('%s', (_, xml, wanted) => expect(canonical(xml)).toBe(wanted));
});

describe('parts of documents', () => {
  const doc = '<a xmlns="u:0" xmlns:p="u:1" xmlns:q="u:2" xml:lang="en"><q:b><p:c q:x="1">t</p:c></q:b></a>';

  test('inclusive takes over every namespace and xml:lang', () =>
    expect(canonicalPart(doc, 'c', 'inclusive')).toBe(
      '<p:c xmlns="u:0" xmlns:p="u:1" xmlns:q="u:2" xml:lang="en" q:x="1">t</p:c>',
    ));

  test('exclusive takes only what is used', () =>
    expect(canonicalPart(doc, 'c', 'exclusive')).toBe('<p:c xmlns:p="u:1" xmlns:q="u:2" q:x="1">t</p:c>'));

  test('exclusive declares the default namespace where an element uses it', () =>
    expect(canonicalPart('<a xmlns="u:0" xmlns:p="u:1"><b><c/></b></a>', 'b', 'exclusive')).toBe('<b xmlns="u:0"><c></c></b>'));

  test('an element can be left out', () => {
    const root = parseXml(utf8('<a>1<b>2</b>3</a>'));
    const b = root.children[1] as XmlElement;
    expect(decodeUtf8(canonicalize(root, 'inclusive', { without: b }))).toBe('<a>13</a>');
  });
});

describe('what could be read in two ways is refused', () => {
  test.each([
    ['doctype', '<!DOCTYPE a><a/>'],
    ['entity', '<a>&x;</a>'],
    ['comment', '<a><!-- b --></a>'],
    ['comment before the root', '<!-- b --><a/>'],
    ['cdata', '<a><![CDATA[b]]></a>'],
    ['processing instruction', '<a><?b c?></a>'],
    ['utf-16 by name', '<?xml version="1.0" encoding="utf-16"?><a/>'],
    ['byte order mark', '\ufeff<a/>'],
    ['two roots', '<a/><b/>'],
    ['text after the root', '<a/>b'],
    ['unclosed', '<a>'],
    ['crossed', '<a><b></a></b>'],
    ['attribute twice', '<a b="1" b="2"/>'],
    ['attribute twice under two prefixes', '<a xmlns:p="u:1" xmlns:q="u:1" p:b="1" q:b="2"/>'],
    ['unbound prefix', '<p:a/>'],
    ['unbound attribute prefix', '<a p:b="1"/>'],
    ['prefix unbound again', '<a xmlns:p="u:1"><b xmlns:p=""/></a>'],
    ['xml rebound', '<a xmlns:xml="u:1"/>'],
    ['xml namespace under another prefix', '<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>'],
    ['xml:id', '<a xml:id="1"/>'],
    ['xml:base', '<a xml:base="u:1"/>'],
    ['attribute without a value', '<a b/>'],
    ['attribute without quotes', '<a b=1/>'],
    ['attributes without a space', '<a b="1"c="2"/>'],
    ['less-than in an attribute', '<a b="<"/>'],
    ['bare ampersand', '<a>&</a>'],
    ['reference to a control character', '<a>&#1;</a>'],
    ['control character', '<a>\u0001</a>'],
    ['end of cdata in text', '<a>]]></a>'],
    ['names beyond ascii', '<é/>'],
    ['too deep', '<a>'.repeat(40) + '</a>'.repeat(40)],
    ['nothing', ''],
  ])('%s', async (_, xml) => {
    await expectCode(() => parseXml(utf8(xml)), 'nvidia/rim-malformed');
  });
});
