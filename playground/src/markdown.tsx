/**
 * Markdown as React elements. The HTML that marked makes is sanitised by DOMPurify, and what is left is rebuilt element by
 * element from short lists: nothing of a model's answer is ever handed to the browser as HTML.
 */

import DOMPurify from 'dompurify';
import { Lexer, Parser, Renderer, type Token } from 'marked';
import { createElement, Fragment, memo, useMemo, type ReactNode } from 'react';
import { CodeBlock } from './code';
import { Icon } from './icons';
import { mended } from './mended';

const ALLOWED = {
  ALLOWED_TAGS: (
    'p br hr h1 h2 h3 h4 h5 h6 strong b em i del s u sub sup mark kbd small ul ol li blockquote pre code ' +
    'table thead tbody tr th td a img input details summary dl dt dd span div'
  ).split(' '),
  ALLOWED_ATTR: ['href', 'title', 'src', 'alt', 'align', 'start', 'type', 'checked', 'class', 'open'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ADD_URI_SAFE_ATTR: ['align', 'start', 'type', 'checked', 'open'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|#|data:image\/(?:png|jpe?g|gif|webp|avif);base64,)/i,
};

/**
 * HTML inside of Markdown. What the page's policy forbids is renamed before the browser parses it: it would never run, but
 * the browser would report each piece to the console. What the sanitiser lets pass does not depend on this.
 */
const RENAMED: Record<string, string> = { style: 'noscript', base: 'span' };
const renderer = new Renderer();
renderer.html = ({ text }) =>
  text
    .replace(/<(\/?)(style|base)\b/gi, (_, slash: string, tag: string) => `<${slash}${RENAMED[tag.toLowerCase()]}`)
    .replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/([\s"'/])(style|on[a-z]+)(?=\s*=)/gi, '$1data-$2'));

interface MarkdownProps {
  text: string;
  /** Whether more of it is on its way. */
  growing?: boolean;
  /** Whether it has no end, on its way or cut off: what is open there is closed for display. */
  open?: boolean;
}

export function Markdown({ text, growing = false, open = false }: MarkdownProps) {
  const blocks = useMemo(() => Lexer.lex(open ? mended(text) : text, { gfm: true }), [text, open]);
  return (
    <div className="prose">
      {blocks.map((token, index) =>
        token.type === 'space' ? null : (
          <Block key={index} raw={token.raw} token={token} live={growing && open && index === blocks.length - 1} />
        ),
      )}
    </div>
  );
}

/** Only the block that grows is parsed again. */
const Block = memo(
  function Block({ token, live }: { raw: string; token: Token; live: boolean }) {
    if (token.type === 'code') return <CodeBlock code={token.text} language={token.lang} live={live} />;
    const fragment = DOMPurify.sanitize(Parser.parse([token], { renderer }), { ...ALLOWED, RETURN_DOM_FRAGMENT: true });
    return <>{children(fragment, true)}</>;
  },
  (before, after) => before.raw === after.raw && before.live === after.live,
);

function children(parent: Node, isTop = false): ReactNode[] {
  return Array.from(parent.childNodes, (node, index) => {
    if (node.nodeType === Node.TEXT_NODE) return node.nodeValue;
    return node instanceof Element ? element(node, index, isTop) : null;
  });
}

function element(node: Element, key: number, isTop: boolean): ReactNode {
  const tag = node.localName;
  // Each block is written in the direction of its own first letter.
  const dir = isTop ? 'auto' : undefined;
  switch (tag) {
    case 'br':
    case 'hr':
      return createElement(tag, { key });
    case 'a':
      return (
        <a key={key} href={node.getAttribute('href') ?? undefined} target="_blank" rel="noopener noreferrer">
          {children(node)}
        </a>
      );
    case 'img':
      return <Picture key={key} url={node.getAttribute('src') ?? ''} alt={node.getAttribute('alt') ?? ''} />;
    case 'input':
      if (node.getAttribute('type') !== 'checkbox') return null;
      return <input key={key} type="checkbox" disabled checked={node.hasAttribute('checked')} readOnly aria-label="Task" />;
    case 'pre':
      return (
        <CodeBlock
          key={key}
          code={(node.textContent ?? '').replace(/\n$/, '')}
          language={/language-(\S+)/.exec(node.firstElementChild?.className ?? '')?.[1]}
        />
      );
    case 'table':
      return (
        <div key={key} className="table-scroll" dir={dir} tabIndex={0} role="region" aria-label="Table">
          <table>{children(node)}</table>
        </div>
      );
    case 'th':
    case 'td':
      return createElement(tag, { key, className: `align-${node.getAttribute('align') ?? 'start'}` }, children(node));
    case 'ol':
      return (
        <ol key={key} dir={dir} start={Number(node.getAttribute('start') ?? 1)}>
          {children(node)}
        </ol>
      );
    case 'div':
    case 'span':
      return <Fragment key={key}>{children(node)}</Fragment>;
    default:
      return createElement(tag, { key, dir }, children(node));
  }
}

/** A picture that the answer brings along is shown; one that lies elsewhere is a link, because the page asks nobody else. */
export function Picture({ url, alt }: { url: string; alt: string }) {
  if (url.startsWith('data:image/')) return <img src={url} alt={alt} />;
  if (!url) return <>{alt}</>;
  return (
    <a className="picture-link" href={url} target="_blank" rel="noopener noreferrer">
      <Icon name="image" /> {alt || hostOf(url)}
    </a>
  );
}

/** The address, where it is one of the web: a link of any other kind leads nowhere. */
export function webAddress(url: string): string | undefined {
  return /^https?:/i.test(url) ? url : undefined;
}

export function hostOf(url: string): string {
  try {
    return new URL(url).hostname.replace(/^www\./, '');
  } catch {
    return url;
  }
}
